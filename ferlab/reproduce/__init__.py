"""A recorded run, once more: found, set beside what is here now, rerun, and judged."""
