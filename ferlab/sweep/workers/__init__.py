"""Who trains the trials: the shared study, its storage and its workers."""
