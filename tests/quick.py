"""What takes time and is not looked at, left out: by fixtures here, and by commands they start."""

import os
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

VARIABLE = "FERLAB_TESTS_WITHOUT"
"""The environment variable that tells a command what to leave out, in words."""

PICTURES, PATIENCE, RESULTS = "pictures", "patience", "results"

_OF_RUNS = ("ARTIFACTS", "OF_TRAINING")


def leave_out() -> None:
    """Leave out, for the rest of this process, what the environment says."""
    words = os.environ.get(VARIABLE, "").split()
    if PICTURES in words:
        without_pictures(setattr)
    if PATIENCE in words:
        event.listen(Engine, "before_cursor_execute", soon_busy, retval=True)
    if RESULTS in words:
        from submitit.core.core import Job

        Job._results_timeout_s = 1  # 15 s for those of a job that was killed, which has none


def without_pictures(change: Callable[[Any, str, Any], object]) -> None:
    """Half of what a small run costs goes into its figures, at which few tests look."""
    from ferlab.recording import artifacts

    for table in _OF_RUNS:
        files = getattr(artifacts, table).items()
        texts = {name: make for name, make in files if not name.endswith(".png")}
        change(artifacts, table, texts)


def soon_busy(_: object, __: object, statement: str, values: Any, *___: object) -> tuple[str, Any]:
    """MLflow has SQLite wait 20 s for a store that another process has locked."""
    return statement.replace("busy_timeout = 20000", "busy_timeout = 1000"), values
