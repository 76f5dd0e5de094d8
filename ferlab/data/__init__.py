"""From files or parameters to one in-memory `ImageSet`, its splits, its audit and its batches."""
