"""What training images go through: each changed on its own, then mixed with others."""
