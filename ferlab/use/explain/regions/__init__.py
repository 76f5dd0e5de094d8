"""Which regions of the face the networks of a confirmation go by."""
