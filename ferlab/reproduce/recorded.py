"""A recorded run, its setting and its results, read from the store or from a bundle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ferlab import paths
from ferlab.analysis.predictions import Predictions
from ferlab.config import Config
from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet
from ferlab.errors import DataError, TrackingError
from ferlab.text import shorten
from ferlab.tracking import artifacts, environment, sources
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import CONFIG, IMAGES, IMPORTED, MACHINE, SOURCES
from ferlab.tracking.store import Client
from ferlab.untrusted import bounded

Files = Mapping[str, bytes]
"""The recorded files of one run, by path."""

PREDICTIONS = "predictions/val.csv"
PACKAGES = "environment/requirements.txt"
DIFF = "environment/dirty.diff"
OWN_DIFF = "environment/own.diff"
RUN = "run.json"

ARTIFACTS = (CONFIG, PREDICTIONS, MACHINE, PACKAGES, DIFF, OWN_DIFF, SOURCES, IMAGES)
"""Artifacts of a run that are read to reproduce it."""

NEEDED = (CONFIG, PREDICTIONS)
"""Artifacts without which no run can be reproduced; others may be missing in older runs."""


@dataclass(frozen=True)
class Setting:
    """Everything that a run's numbers come from.

    Attributes:
        config: the resolved config, as plain containers.
        commit: commit of ferlab's checkout; None outside a checkout.
        diff: diff of its uncommitted changes; empty if there are none.
        own_commit: commit of the checkout of a user's own parts; None without one.
        own_diff: diff of the uncommitted changes in it.
        sources: digests of the source files; None if they were not recorded.
        machine: see `ferlab.tracking.environment.Environment`; None if it was not recorded.
        packages: version of each installed distribution, by name.
        data: digest of the data set.
        images: see `ferlab.data.fingerprint`; None if it was not recorded.
        names: names of the images; empty where they are not known.
    """

    config: Mapping[str, Any]
    commit: str | None
    diff: str
    own_commit: str | None
    own_diff: str
    sources: Mapping[str, str] | None
    machine: Mapping[str, Any] | None
    packages: Mapping[str, str]
    data: str
    images: npt.NDArray[np.void] | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A recorded run.

    Attributes:
        run_id: MLflow's id of the run.
        name: its display name.
        setting: everything that its numbers come from.
        metrics: the last value of each metric.
        history: the metrics of each epoch, from the first; times and rates are left out.
        predictions: on the validation split; None if the run ended before it had any.
        is_imported: whether it came to its store in a bundle, which anybody may have written.
    """

    run_id: str
    name: str
    setting: Setting
    metrics: Mapping[str, float]
    history: tuple[Mapping[str, float], ...]
    predictions: Predictions | None
    is_imported: bool = False

    @classmethod
    def read(cls, files: Files) -> "Recorded":
        """Parse a run from its recorded files.

        Raises:
            DataError: one of them is damaged.
        """
        try:
            run = bounded.read_json(files[RUN])
            tags = dict(run["tags"])
            about = bounded.read_json(files.get(MACHINE, b"null"))
            known = bounded.read_json(files.get(SOURCES, b"null"))
            history = tuple({str(k): float(v) for k, v in row.items()} for row in run["history"])
            predictions = (
                Predictions.read(files[PREDICTIONS].decode()) if (PREDICTIONS in files) else None
            )
            read = cls(
                run_id=str(run["run_id"]),
                name=str(run["name"]),
                setting=Setting(
                    config=bounded.read_config(files[CONFIG]),
                    commit=tags.get("mlflow.source.git.commit") or None,
                    diff=files.get(DIFF, b"").decode(),
                    own_commit=tags.get("ferlab.own.git.commit") or None,
                    own_diff=files.get(OWN_DIFF, b"").decode(),
                    sources=None if known is None else {str(k): str(v) for k, v in known.items()},
                    machine=None if about is None else dict(about),
                    packages=_packages(files.get(PACKAGES, b"").decode()),
                    data=str(tags.get("ferlab.data.digest", "")),
                    images=fingerprint.from_bytes(files[IMAGES]) if IMAGES in files else None,
                ),
                metrics={str(key): float(value) for key, value in run["metrics"].items()},
                history=history,
                predictions=predictions,
                is_imported=IMPORTED in tags,
            )
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise DataError(
                f"the record of this run is damaged: {shorten(repr(error), 80)}"
            ) from error
        if predictions and predictions.digest != tags.get("ferlab.predictions.digest"):
            raise DataError(
                f"{PREDICTIONS} of run {read.run_id} is not what the run predicted: its digest is "
                f"{predictions.digest}, and was {tags.get('ferlab.predictions.digest')}"
            )
        return read


def fetch(client: Client, entry: Entry, needed: tuple[str, ...] = NEEDED) -> Files:
    """The files of a run in the store; ``run.json`` is made of what MLflow keeps in tables.

    Raises:
        TrackingError: one of ``needed`` is missing, the run was made of others, or the store cannot
            be read.
    """
    if entry.members:
        raise TrackingError(
            f"run {entry.run_id} was not trained but made of others; name one of those: "
            f"{' '.join(entry.members)}"
        )
    epochs = [n for n in entry.metrics if n == "lr" or n.startswith(("lr/", "train/", "val/"))]
    about = {
        "run_id": entry.run_id,
        "name": entry.name,
        "tags": {
            key: value
            for key, value in entry.tags.items()
            if key.startswith(("ferlab.", "mlflow.source.git."))
        },
        "metrics": dict(entry.metrics),
        "history": artifacts.metric_history(client, entry.run_id, epochs),
    }
    files = artifacts.read_files(client, entry.run_id, ARTIFACTS, needed)
    return {**files, RUN: json.dumps(about, indent=2).encode()}


def present(config: Config, images: ImageSet) -> Setting:
    """The setting of a run started now; a user's own parts must have been imported."""
    ferlab = environment.git_state(paths.shipped())
    own = environment.git_state(Path.cwd()) if sources.are_own(config.targets()) else None
    if own == ferlab:
        own = None
    return Setting(
        config=config.plain(),
        commit=ferlab.commit if ferlab else None,
        diff=ferlab.diff if ferlab and ferlab.dirty else "",
        own_commit=own.commit if own else None,
        own_diff=own.diff if own and own.dirty else "",
        sources=sources.sources(config.targets()),
        machine=machine(),
        packages=installed_packages(),
        data=images.digest,
        images=fingerprint.fingerprint(images),
        names=tuple(images.names.tolist()),
    )


def machine() -> dict[str, Any]:
    """This process's environment, in the form that a run records."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(environment.describe_environment())))
    return plain


def installed_packages() -> dict[str, str]:
    """Version of each installed distribution, by name, in the form that a run records."""
    return _packages(environment.requirements())


def _packages(text: str) -> dict[str, str]:
    pairs = (line.partition("==") for line in text.splitlines() if "==" in line)
    return {name: version for name, _, version in pairs}
