"""Whether the code and libraries that a run's numbers come from are still those it began with."""

import json
from collections.abc import Collection, Iterator, Mapping

from mlflow.tracking import MlflowClient

from ferlab.tracking import artifacts, environment
from ferlab.tracking.run import MACHINE, SOURCES
from ferlab.tracking.sources import sources

CODE = ("ferlab/data/", "ferlab/models/", "ferlab/training/", "ferlab/instantiate.py", "own/")
"""Path prefixes of sources that compute numbers; the others compose, record, search and show."""

COMPUTING = frozenset({"torch", "numpy", "pytorch-lightning", "torchmetrics"})
"""Libraries that compute numbers."""


def computing(targets: Collection[str] = ()) -> dict[str, str]:
    """What numbers of this process come from: source files' digests, libraries' versions, by name.

    Args:
        targets: of the config; the file of a user's own counts once it is imported.
    """
    code = {name: digest for name, digest in sources(targets).items() if name.startswith(CODE)}
    libraries = environment.describe_environment().libraries
    return {**code, **{name: libraries[name] for name in COMPUTING & libraries.keys()}}


def changed(client: MlflowClient, run_id: str, targets: Collection[str]) -> list[str]:
    """List what has changed since a run began, so that it cannot be resumed to the same bits.

    Args:
        client: an MLflow client of the store.
        run_id: id of the run.
        targets: its config's targets; a user's own file is compared once it is imported.

    Returns:
        See `what_differs`; none for what the run had not recorded yet.
    """
    files = artifacts.read_files(client, run_id, [SOURCES, MACHINE], [])
    before = {
        **json.loads(files.get(SOURCES, b"{}")),
        **json.loads(files.get(MACHINE, b"{}")).get("libraries", {}),
    }
    return what_differs(before, computing(targets))


def what_differs(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Source files that differ, and libraries with both versions, of what `computing` gave.

    Where nothing is known of a kind there is no difference in it; nor in a user's own file that
    only one of them has, for which of these count follows from the config.
    """
    return [*_sources(before, now), *_libraries(before, now)]


def _sources(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    if not any(name.startswith(CODE) for name in before):
        return
    for name in sorted(before.keys() | now.keys()):
        is_known = (name in before and name in now) or not name.startswith("own/")
        if is_known and name.startswith(CODE) and before.get(name) != now.get(name):
            yield name


def _libraries(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(COMPUTING & before.keys()):
        if before[name] != now.get(name):
            yield f"{name} {before[name]} -> {now.get(name)}"
