"""Several recorded runs as one model: the mean of their probabilities, or of their weights."""
