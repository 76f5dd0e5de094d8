"""Whether the code and libraries that a run's numbers come from are still those it began with."""

import json
from collections.abc import Collection, Iterator

from mlflow.tracking import MlflowClient

from ferlab.tracking import artifacts, environment
from ferlab.tracking.run import MACHINE, SOURCES
from ferlab.tracking.sources import sources

CODE = ("ferlab/data/", "ferlab/models/", "ferlab/training/", "ferlab/instantiate.py", "own/")
"""Path prefixes of sources that compute numbers; the others compose, record, search and show."""

COMPUTING = frozenset({"torch", "numpy", "kornia", "pytorch-lightning", "torchmetrics"})
"""Libraries that compute numbers."""


def changed(client: MlflowClient, run_id: str, targets: Collection[str]) -> list[str]:
    """List what has changed since a run began, so that it cannot be resumed to the same bits.

    Args:
        client: an MLflow client of the store.
        run_id: id of the run.
        targets: its config's targets; a user's own file is compared once it is imported.

    Returns:
        Source files, and libraries with both versions; what the run did not record is left out.
    """
    files = artifacts.read_files(client, run_id, [SOURCES, MACHINE], [])
    return [
        *_sources(json.loads(files.get(SOURCES, b"{}")), targets),
        *_libraries(json.loads(files.get(MACHINE, b"{}")).get("libraries", {})),
    ]


def _sources(before: dict[str, str], targets: Collection[str]) -> Iterator[str]:
    now = sources(targets)
    for name in sorted(before.keys() | now.keys() if before else ()):
        is_known = name in now or not name.startswith("own/")
        if is_known and name.startswith(CODE) and before.get(name) != now.get(name):
            yield name


def _libraries(before: dict[str, str]) -> Iterator[str]:
    now = environment.describe_environment().libraries
    for name in sorted(COMPUTING & before.keys()):
        if before[name] != now.get(name):
            yield f"{name} {before[name]} -> {now.get(name)}"
