"""A study that goes to another machine, with its trials and its runs, and is gone on with there."""
