"""What is typed: overrides in Hydra's grammar, and the slips that people make in them."""
