"""A study as plain values: its trials, their parameters, and how its numbers are written."""
