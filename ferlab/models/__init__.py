"""Networks in plain torch: no config object, no Lightning, no MLflow."""
