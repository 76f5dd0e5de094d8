"""What only the use of a network needs: an extra of the package."""

EXTRA = "pip install -r requirements-full.lock, or pip install 'ferlab[use]'"
"""How to get it."""
