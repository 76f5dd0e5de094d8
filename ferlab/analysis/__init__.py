"""Judging: pure functions from a study table or recorded predictions to numbers and figures."""
