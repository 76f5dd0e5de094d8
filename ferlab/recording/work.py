"""A run's work folder: whoever holds its lock trains the run, or records it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ferlab import paths
from ferlab.errors import InUse

_LOCK = "lock"


@contextmanager
def locked(run_id: str) -> Iterator[Path]:
    """Hold a run's work folder, made if it is missing, so that no other process has the run.

    Raises:
        InUse: another has it.
    """
    folder = paths.work(run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=0):
            yield folder
    except Timeout as error:
        raise InUse(f"run {run_id} is being trained by another process") from error


def is_free(folder: Path) -> bool:
    """Whether no process has the run of a work folder."""
    if not (folder / _LOCK).exists():
        return True
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return True
    except Timeout:
        return False
