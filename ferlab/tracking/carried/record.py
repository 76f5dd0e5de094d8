"""All that MLflow's tables have of a run, as plain data, but for files that lie beside them."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Literal

from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, StringConstraints

from ferlab.tracking.entry import KIND
from ferlab.tracking.pages.views import kept_views
from ferlab.tracking.store import reported

HOW = ConfigDict(extra="forbid", strict=True, frozen=True, ser_json_inf_nan="constants")
"""How what is carried is read: to the letter."""

NUMBERS = ("ferlab.trial", "ferlab.replicate", "ferlab.attempt", "ferlab.seed")
"""Tags that are read as numbers."""

_PRIVATE = ("mlflow.user",)
"""Tags that stay where they are."""

_LONGEST_PATH, _DEEPEST = 250, 8

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""A run's id, a study's identity, or a digest."""

Time = Annotated[int, Field(ge=0, lt=2**53)]
"""Milliseconds since 1970."""

_Key = Annotated[str, StringConstraints(pattern=r"^[\w /.:-]+$", max_length=250)]
_Step = Annotated[int, Field(ge=-(2**53), lt=2**53)]


def _require_inside(path: str) -> str:
    """Refuse a path that may lead out of a folder."""
    parts = path.split("/")
    is_plain = path.isprintable() and "\\" not in path
    if not is_plain or not 0 < len(path) <= _LONGEST_PATH or len(parts) > _DEEPEST:
        raise ValueError(f"{ascii(path)[:80]} is no path of an artifact")
    if {"", ".", ".."} & set(parts):
        raise ValueError(f"{ascii(path)[:80]} leads elsewhere")
    return path


def _require_numbers(tags: dict[str, str]) -> dict[str, str]:
    for key in NUMBERS:
        if key in tags and not re.fullmatch(r"-?[0-9]{1,18}", tags[key]):
            raise ValueError(f"{key} is no number")
    return tags


def _require_no_folder(files: dict[str, str]) -> dict[str, str]:
    """Refuse a path that is a folder of another one."""
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    if both := folders & files.keys():
        raise ValueError(f"{min(both)} is a file and a folder")
    return files


Files = Annotated[
    dict[Annotated[str, AfterValidator(_require_inside)], Hex], AfterValidator(_require_no_folder)
]
"""Digests of files, by their paths."""


class CarriedDataset(BaseModel):
    """The data of a run, as MLflow's page shows it."""

    model_config = HOW

    name: str = Field(min_length=1, max_length=500)
    digest: str = Field(min_length=1, max_length=36)
    source_type: str = Field(min_length=1, max_length=36)
    source: str = Field(max_length=65535)
    schema_text: str = Field(max_length=2**20)
    profile: str = Field(max_length=2**20)
    context: str = Field(max_length=500)


class CarriedView(BaseModel):
    """A saved view of a study's runs, as `ferlab.tracking.pages.views` keeps it."""

    model_config = HOW

    name: str = Field(min_length=1, max_length=500)
    state: str = Field(max_length=2**20)


class CarriedRun(BaseModel):
    """A run.

    Attributes:
        run_id: that it had.
        name: its display name.
        experiment: name of its MLflow experiment.
        status: how it ended.
        started, ended: when.
        is_deleted: whether it was deleted in MLflow, and may be brought back.
        params, tags: by name.
        metrics: step, time and value of each time that one was recorded, by name.
        datasets: its data.
        artifacts: digests of its files.
        model: digests of its model's files; none where it has no model, or comes without it.
        views: of a study's own run, by how their ids end.
    """

    model_config = HOW

    run_id: Hex
    name: str = Field(min_length=1, max_length=1000)
    experiment: str = Field(min_length=1, max_length=500)
    status: Literal["FINISHED", "FAILED", "KILLED"]
    started: Time
    ended: Time
    is_deleted: bool
    params: dict[_Key, Annotated[str, Field(max_length=6000)]]
    tags: Annotated[
        dict[_Key, Annotated[str, Field(max_length=8000)]], AfterValidator(_require_numbers)
    ]
    metrics: dict[_Key, Annotated[list[tuple[_Step, Time, float]], FailFast()]]
    datasets: list[CarriedDataset]
    artifacts: Files = Field(default_factory=dict)
    model: Files = Field(default_factory=dict)
    views: dict[Annotated[str, StringConstraints(pattern=r"^(-[a-z]+)?$")], CarriedView] = Field(
        default_factory=dict, max_length=10
    )


def carried_run(client: MlflowClient, run: MlflowRun, experiment: str) -> CarriedRun:
    """A run as it is in the store, without its files.

    One that nobody trains, though MLflow says so, is taken as interrupted.
    """
    is_study = run.data.tags.get(KIND) == "study"
    info, tags = run.info, {k: v for k, v in run.data.tags.items() if k not in _PRIVATE}
    status = RunStatus.to_string(RunStatus.from_string(info.status))
    if status not in ("FINISHED", "FAILED", "KILLED"):
        status = "KILLED"
        tags |= {"ferlab.ended": "interrupted", "ferlab.why": "it was carried before it had ended"}
    return CarriedRun(
        run_id=info.run_id,
        name=info.run_name,
        experiment=experiment,
        status=status,  # type: ignore[arg-type]
        started=info.start_time,
        ended=info.end_time or info.start_time,
        is_deleted=info.lifecycle_stage == "deleted",
        params=run.data.params,
        tags=tags,
        metrics=_metrics(client, info.run_id, run.data.metrics),
        datasets=[
            CarriedDataset(
                name=given.dataset.name,
                digest=given.dataset.digest,
                source_type=given.dataset.source_type,
                source=given.dataset.source,
                schema_text=given.dataset.schema or "",
                profile=given.dataset.profile or "",
                context=next((tag.value for tag in given.tags), "training"),
            )
            for given in (run.inputs.dataset_inputs if run.inputs else ())
        ],
        views={
            end: CarriedView(name=name, state=state)
            for end, (name, state) in (kept_views(client, info.run_id) if is_study else {}).items()
        },
    )


def _metrics(
    client: MlflowClient, run_id: str, names: Iterable[str]
) -> dict[str, list[tuple[int, int, float]]]:
    found = {}
    with reported(client.tracking_uri):
        for name in sorted(names):
            history = client.get_metric_history(run_id, name)
            found[name] = sorted((m.step, m.timestamp, m.value) for m in history)
    return found
