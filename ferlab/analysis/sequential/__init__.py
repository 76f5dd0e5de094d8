"""A comparison that is looked at more than once: bounds, plan, and what each look settles."""
