"""A trained network meets a face: photos, the faces in them, and what they express."""
