"""What a search shows, from its study table."""
