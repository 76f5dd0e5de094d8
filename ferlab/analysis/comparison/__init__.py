"""Configurations compared, from the predictions of their runs under several seeds."""
