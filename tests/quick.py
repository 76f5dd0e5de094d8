"""What takes time and is not looked at, left out: by fixtures here, and by commands they start."""

import os
import shutil
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ferlab.draft import drafted

VARIABLE = "FERLAB_TESTS_WITHOUT"
"""The environment variable that tells a command what to leave out, in words."""

PICTURES, PATIENCE, RESULTS = "pictures", "patience", "results"

STORES = "FERLAB_TESTS_STORES"
"""The environment variable that tells a command where new stores are, to be copied."""

NEW_STORES = {"home.db": True, "elsewhere.db": False}
"""Their files, and whether they are for ferlab's home."""

_OF_RUNS = ("ARTIFACTS", "OF_TRAINING")


def leave_out() -> None:
    """Leave out, for the rest of this process, what the environment says."""
    words = os.environ.get(VARIABLE, "").split()
    if STORES in os.environ:
        with_stores(setattr)
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


def with_stores(change: Callable[[Any, str, Any], object]) -> None:
    """MLflow takes a second to make the tables of a new store, as many times as there are tests."""
    from ferlab.tracking import store

    names = {is_home: name for name, is_home in NEW_STORES.items()}

    @wraps(store._make)
    def copied(path: Path, is_home: bool) -> None:
        with drafted(path) as draft:
            shutil.copy(Path(os.environ[STORES], names[is_home]), draft)

    change(store, "_make", copied)


def soon_busy(_: object, __: object, statement: str, values: Any, *___: object) -> tuple[str, Any]:
    """MLflow has SQLite wait 20 s for a store that another process has locked."""
    return statement.replace("busy_timeout = 20000", "busy_timeout = 1000"), values
