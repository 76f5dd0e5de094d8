"""Analysis of a search, from its study table."""
