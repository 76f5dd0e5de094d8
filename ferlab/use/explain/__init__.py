"""What a trained network looks at: maps over the faces that it reads."""
