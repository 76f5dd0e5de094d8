"""Where a store is: by its address, and after ferlab's home was moved."""
