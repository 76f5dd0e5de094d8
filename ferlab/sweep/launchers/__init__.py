"""Who starts the workers: processes of this machine, or a launcher of Hydra's."""
