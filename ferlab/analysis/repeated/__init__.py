"""A search repeated: what it finds from one time to the next."""
