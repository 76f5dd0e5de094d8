"""Ingredients of a training recipe, each switched by the config."""
