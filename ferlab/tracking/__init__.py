"""The only importer of MLflow: a run's life, what it records, and how runs are found again."""

import os

# MLflow reads these at its import: no usage reports, no git look-ups; ferlab reports errors itself.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# MLflow would ask a server that is away seven times more, for two minutes each, and without a word;
# who waits is `ferlab.outage`.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

STATUSES = ("running", "finished", "interrupted", "pruned", "failed")
"""What a run can be; ``failed`` is any other end."""
