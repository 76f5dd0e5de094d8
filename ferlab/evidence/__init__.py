"""Many runs, judged: a search confirmed, pure functions over predictions, pictures, the report."""
