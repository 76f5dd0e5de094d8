"""The parts of a run but its network: every key with its type, range and unit."""
