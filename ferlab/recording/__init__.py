"""The records of a finished run: predictions, figures, the served model."""
