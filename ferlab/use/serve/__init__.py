"""A trained network behind a page and an endpoint, on this machine."""
