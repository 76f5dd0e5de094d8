"""MLflow's model registry: names that stand for a run's model, and what speaks for it."""
