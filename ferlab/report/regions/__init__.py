"""The regions that a confirmation's networks go by, in words and as files."""
