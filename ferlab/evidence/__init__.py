"""Many runs, judged: pure functions over recorded predictions, their tests, and their pictures."""
