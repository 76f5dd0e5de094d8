"""Who trains the trials: the shared study, its storage, the workers and their processes."""
