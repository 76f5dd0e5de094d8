"""What a finished run leaves behind: predictions, figures, the served model."""
