"""What commands that were killed, or could not reach their store, have left over for certain."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ferlab import paths
from ferlab.recording.work import is_free
from ferlab.tracking.entry import standing
from ferlab.tracking.place import where
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client

_GRACE = 60.0
"""Seconds that a work folder must have been there: its process may be about to take it."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")

_NO_WAY_ON = ("deleted", "finished", "pruned", "diverged")
"""How a run stands that nobody can go on with."""


@dataclass(frozen=True)
class LeftOver:
    """Something that nobody needs any more.

    Attributes:
        what: it is, in a line.
        remove: does away with it.
    """

    what: str
    remove: Callable[[], object]


def orphan(run_id: str, remove: Callable[[], object]) -> LeftOver:
    """A run that is RUNNING though its process is gone."""
    return LeftOver(f"run {run_id} is RUNNING, and nobody trains it", remove)


def of_runs(client: Client) -> Iterator[LeftOver]:
    """Work folders that nobody can go on in, and runs of a work folder that nobody trains."""
    for path in _by_run(paths.work("")):
        if not is_free(path):
            continue
        state = standing(client, path.name)  # None: it is of another store
        if state in _NO_WAY_ON:
            yield LeftOver(f"work folder of run {path.name}, which is {state}", _drop(path))
        elif state == "running" and _is_old(path):
            yield orphan(path.name, _end(client, path.name))


def of_artifacts(client: Client) -> Iterator[LeftOver]:
    """Artifacts in ferlab's home of runs that were deleted for good."""
    if where.is_home(client.tracking_uri):
        for path in _by_run(paths.home() / "artifacts"):
            if standing(client, path.name) is None:
                yield LeftOver(f"artifacts of run {path.name}, which is gone", _drop(path))


def _by_run(folder: Path) -> list[Path]:
    """The folders in a folder that are named by a run's id."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if _RUN_ID.fullmatch(path.name))


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _GRACE


def _drop(folder: Path) -> Callable[[], object]:
    return partial(shutil.rmtree, folder, ignore_errors=True)


def _end(client: Client, run_id: str) -> Callable[[], object]:
    return partial(Run(client, run_id).end, "KILLED", "interrupted", "its process is gone")
