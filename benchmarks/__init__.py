"""Speed as ratios, each measured in one run against something named."""
