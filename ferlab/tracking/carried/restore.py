"""A carried run put into a store: begun under a new id, filled, and only then one of its study."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag
from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.carried.record import CarriedDataset, CarriedRun
from ferlab.tracking.inputs import params_of
from ferlab.tracking.pages.views import write_views
from ferlab.tracking.run import Run
from ferlab.tracking.store import reported
from ferlab.tracking.study_runs import forget

IMPORTING = "ferlab.importing"
"""The tag of a run whose import is not over: the name of the study that is imported."""

_LAST = ("ferlab.study", "ferlab.study.id", "ferlab.kind")
"""Tags by which a run is found as one of its study; none of a run that is not whole has them."""

_Item = TypeVar("_Item")

_METRICS, _OTHERS = 1000, 100
"""How many metrics, or params or tags, MLflow takes at once."""


def begin(client: MlflowClient, run: CarriedRun, importing: str) -> tuple[str, str]:
    """A new run in the place of a carried one, with nothing in it; its id and its experiment's."""
    experiment = store.experiment_id(client, run.experiment)
    with reported(client.tracking_uri):
        made = client.create_run(experiment, run.started, {IMPORTING: importing}, run.name)
    return str(made.info.run_id), experiment


def fill(
    client: MlflowClient, run: CarriedRun, files: Mapping[str, bytes], model: Path | None
) -> None:
    """Put all into a run but what makes it one of its study.

    Args:
        client: an MLflow client of the store.
        run: what is to be in it; it has the new id.
        files: its artifacts, by their paths.
        model: a folder with its model, as `ferlab.tracking.pyfunc_model.save` makes one.
    """
    opened, uri = Run(client, run.run_id), client.tracking_uri
    tags = [RunTag(key, value) for key, value in run.tags.items() if key not in _LAST]
    with reported(uri):
        for some in _batches(_points(run), _METRICS):
            client.log_batch(run.run_id, metrics=some)
        for params in _batches(params_of(run.params), _OTHERS):
            client.log_batch(run.run_id, params=params)
        for named in _batches(tags, _OTHERS):
            client.log_batch(run.run_id, tags=named)
        if run.datasets:
            client.log_inputs(run.run_id, list(map(_input, run.datasets)))
    with tempfile.TemporaryDirectory() as scratch:
        for path, data in files.items():
            file = Path(scratch, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if files:
            opened.log_folder(Path(scratch))
    if model is not None:
        opened.log_model(model)


def publish(client: MlflowClient, run: CarriedRun, *, is_over: bool) -> None:
    """Have a filled run be what it was.

    Args:
        client: an MLflow client of the store.
        run: what it was; it has the new id.
        is_over: whether nothing is to say any more that it is being imported.
    """
    tags = [RunTag(key, run.tags[key]) for key in _LAST if key in run.tags]
    with reported(client.tracking_uri):
        client.set_terminated(run.run_id, run.status, run.ended)
        client.log_batch(run.run_id, tags=tags)
        if is_over:
            client.delete_tag(run.run_id, IMPORTING)
        if run.is_deleted:
            client.delete_run(run.run_id)
        elif run.views:
            texts = {end: (view.name, view.state) for end, view in run.views.items()}
            write_views(client, run.run_id, texts)


def end(client: MlflowClient, name: str) -> None:
    """Say of no run any more that it is being imported with a study."""
    for run in list(store.runs_with(client, {IMPORTING: name})):
        with reported(client.tracking_uri):
            client.delete_tag(run.info.run_id, IMPORTING)


def is_left(client: MlflowClient, name: str) -> bool:
    """Whether an import of a study of this name did not end."""
    return any(True for _ in store.runs_with(client, {IMPORTING: name}, at_a_time=1))


def drop(client: MlflowClient, name: str) -> None:
    """Delete the runs of an import that did not end: the study's own, if it was there, last."""
    left = list(store.runs_with(client, {IMPORTING: name}))
    identities = {run.data.tags.get("ferlab.study.id") for run in left} - {None}
    of_study = chain.from_iterable(
        store.runs_with(client, {"ferlab.study.id": str(identity)}) for identity in identities
    )
    for run_id in dict.fromkeys(run.info.run_id for run in (*of_study, *left)):
        forget(client, run_id)


def left_imports(client: MlflowClient) -> Iterator[tuple[str, str]]:
    """Runs of imports that are not over, and none of their study yet: id, and name of the study."""
    for run in store.runs_with(client, {}, only=[f"tags.`{IMPORTING}` IS NOT NULL"]):
        if "ferlab.study" not in run.data.tags:
            yield run.info.run_id, run.data.tags[IMPORTING]


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _points(run: CarriedRun) -> Sequence[Metric]:
    return [
        Metric(name, value, time, step)
        for name, points in run.metrics.items()
        for step, time, value in points
    ]


def _input(data: CarriedDataset) -> DatasetInput:
    dataset = Dataset(
        data.name, data.digest, data.source_type, data.source, data.schema_text, data.profile
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", data.context)])
