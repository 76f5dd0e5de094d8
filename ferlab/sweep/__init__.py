"""Sweeps: many runs of one question, by workers that share an Optuna study."""
