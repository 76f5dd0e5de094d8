"""Files that nobody vouches for, read within limits of time and memory."""
