"""A search confirmed: its best chosen, trained under fresh seeds, and compared once on test."""
