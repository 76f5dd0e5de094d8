"""What networks go by, region by region of the face."""
