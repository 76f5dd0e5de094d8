"""Trials of several seeds, as the tracking store has them."""
