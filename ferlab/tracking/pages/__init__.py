"""What the MLflow UI shows of a study beyond its runs: saved views, and the text of its page."""
