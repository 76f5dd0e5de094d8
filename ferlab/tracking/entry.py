"""A recorded run as the store has it, and its scores."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from scipy.special import stdtrit

from ferlab.config.problems import did_you_mean
from ferlab.config.study import is_less_better
from ferlab.errors import DataError, TrackingError
from ferlab.outage import is_outage
from ferlab.tracking import STATUSES, artifacts
from ferlab.tracking.run import CONFIG
from ferlab.tracking.store import display_name, reported
from ferlab.untrusted import bounded

Kind = Literal["run", "study", "trial", "seed", "ensemble", "soup"]
"""A single run, a study, a trial (which may stand for several seeds), one of those seeds, or what
is made of several runs: of their probabilities, or of their weights."""

KIND = "ferlab.kind"
"""The tag of a run that says that it is a study, a trial, an ensemble or a soup."""

MADE_OF = "ferlab.members"
"""The tag of a run that was made of others: their ids, comma-separated."""


class SeedScore(NamedTuple):
    """Mean and interval of a metric over seeds; a single run has no interval.

    Attributes:
        mean: mean over the seeds.
        half: half the width of the 95 % interval of the mean (Student's t); None for one seed.
        seeds: number of seeds.
    """

    mean: float
    half: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "SeedScore":
        """The score of the seeds' ``values``, of which there must be at least one."""
        n = len(values)
        if n == 1:
            return cls(values[0], None, 1)
        half = float(stdtrit(n - 1, 0.975)) * statistics.stdev(values) / math.sqrt(n)
        return cls(statistics.fmean(values), half, n)

    def __str__(self) -> str:
        return f"{self.mean:.4f}" if self.half is None else f"{self.mean:.4f} ± {self.half:.4f}"


@dataclass(frozen=True)
class Entry:
    """A run as the store has it.

    Attributes:
        run_id: MLflow's id of the run.
        name: its display name.
        kind: see `Kind`.
        status: one of `STATUSES`.
        why: one line on why it ended before its last epoch; empty otherwise.
        experiment: name of its MLflow experiment.
        started: time of its start, in UTC.
        seconds: time from start to end; None while it is running.
        metrics: the last value of each metric.
        params: the flattened config.
        tags: all its MLflow tags.
        seeds: the finished runs of its seeds, in order, if it is a trial of several.
    """

    run_id: str
    name: str
    kind: Kind
    status: str
    why: str
    experiment: str
    started: datetime
    seconds: float | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    seeds: tuple["Entry", ...] = field(default=())

    @property
    def study(self) -> str | None:
        """Name of the study that the run is or belongs to; None for a run of its own."""
        return self.tags.get("ferlab.study")

    @property
    def study_id(self) -> str | None:
        """The identity of that study, which no other of its name shares."""
        return self.tags.get("ferlab.study.id")

    @property
    def objectives(self) -> tuple[str, ...]:
        """Of a study; the first decides where only one can."""
        return tuple(self.tags.get("ferlab.objectives", "val/accuracy").split(","))

    @property
    def members(self) -> tuple[str, ...]:
        """Ids of the runs that it was made of; none for one that was trained."""
        return tuple(filter(None, self.tags.get(MADE_OF, "").split(",")))

    @property
    def is_whole(self) -> bool:
        """Whether it is finished, and none of its seeds' runs was deleted."""
        return self.status == "finished" and len(self.seeds) >= self.metrics.get("seeds", 0)

    @property
    def commit(self) -> str:
        """The commit it ran, shortened, with a plus if the checkout was dirty; empty if unknown.

        For a trial of several seeds, the commits of its seeds.
        """
        if self.seeds:
            return ", ".join(dict.fromkeys(seed.commit for seed in self.seeds if seed.commit))
        commit = self.tags.get("mlflow.source.git.commit", "")[:7]
        dirty = commit and self.tags.get("ferlab.git.dirty") == "True"
        return f"{commit}+" if dirty else commit

    def score(self, metric: str) -> SeedScore | None:
        """A metric's score over its seeds; None if it is not recorded."""
        name = metric_name(metric)
        values = [seed.metrics[name] for seed in self.seeds if name in seed.metrics]
        if not values and name in self.metrics:
            values = [self.metrics[name]]
        return SeedScore.of(values) if values else None


def metric_name(metric: str) -> str:
    """The name under which a finished run has a metric.

    ``val/f1`` is ``best/f1``, the score of its model, and ``val/f1/happy`` is ``best/f1/happy``.
    """
    if metric == "latency":
        return "latency_ms"
    return f"best/{metric.removeprefix('val/')}" if metric.startswith("val/") else metric


def entry_of(run: MlflowRun, experiment: str) -> Entry:
    """Convert an MLflow run, without its seeds; ``experiment`` is its experiment's name."""
    info, tags = run.info, run.data.tags
    ended = None if info.end_time is None else (info.end_time - info.start_time) / 1000
    status = RunStatus.to_string(RunStatus.from_string(info.status)).lower()
    reason = tags.get("ferlab.ended", "")
    if status not in ("running", "finished"):
        status = reason if reason in STATUSES else "failed"
    return Entry(
        run_id=info.run_id,
        name=info.run_name or "",
        kind=_kind(tags),
        status=status,
        why=tags.get("ferlab.why", ""),
        experiment=experiment,
        started=datetime.fromtimestamp(info.start_time / 1000, UTC),
        seconds=None if status == "running" else ended,
        metrics=run.data.metrics,
        params=run.data.params,
        tags=tags,
    )


def _kind(tags: Mapping[str, str]) -> Kind:
    match tags.get(KIND):
        case "study" | "ensemble" | "soup" as kind:
            return kind
    if "ferlab.replicate" in tags:
        return "seed"
    return "trial" if "ferlab.trial" in tags else "run"


def recorded_status(client: MlflowClient, run_id: str) -> tuple[str, Mapping[str, str]]:
    """A run's status (RUNNING, FINISHED, FAILED, KILLED) and tags.

    Raises:
        TrackingError: there is no such run.
    """
    with reported(client.tracking_uri):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if is_outage(error):
                raise
            raise TrackingError(f"there is no run '{run_id}' in {display_name(client)}") from error
    return RunStatus.to_string(RunStatus.from_string(run.info.status)), run.data.tags


def standing(client: MlflowClient, run_id: str) -> str | None:
    """How a run stands: ``running``, ``deleted``, or its end in a word; None if there is none."""
    with reported(client.tracking_uri):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
    if run.info.lifecycle_stage == "deleted":
        return "deleted"
    return "running" if run.info.status == "RUNNING" else run.data.tags.get("ferlab.ended", "")


def recorded_config(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """The resolved config that a run recorded, as plain containers.

    Raises:
        TrackingError: there is none, or it is no config.
    """
    text = artifacts.read_files(client, run_id, [CONFIG], [CONFIG])[CONFIG]
    try:
        return bounded.read_config(text)
    except DataError as error:
        raise TrackingError(f"run {run_id} has no readable {CONFIG}: {error}") from error


def of_status(status: str | None) -> list[str]:
    """What MLflow is asked for runs of a status of `STATUSES`; some others are among them."""
    match status:
        case None:
            return []
        case "running" | "finished":
            return [f"attributes.status = '{status.upper()}'"]
    return ["attributes.status != 'RUNNING'", "attributes.status != 'FINISHED'"]


def order_by(metric: str) -> str:
    """The best first by a metric, in MLflow's terms; runs without it come last."""
    return f"metrics.`{metric_name(metric)}` {'ASC' if is_less_better(metric) else 'DESC'}"


def ranked(entries: Sequence[Entry], metric: str) -> list[Entry]:
    """The best first by a metric, and those without it last.

    Raises:
        TrackingError: none of them has it.
    """
    scores = {entry.run_id: entry.score(metric) for entry in entries}
    if entries and not any(scores.values()):
        known = {name for entry in entries for name in entry.metrics}
        validation = f"val/{metric}"
        is_scored = any(entry.score(validation) for entry in entries)
        hint = f"did you mean '{validation}'?" if is_scored else did_you_mean(metric, known)
        raise TrackingError(f"no run has the metric '{metric}'; {hint}")
    sign = 1 if is_less_better(metric) else -1

    def rank(entry: Entry) -> tuple[bool, float]:
        score = scores[entry.run_id]
        return score is None, sign * score.mean if score else 0.0

    return sorted(entries, key=rank)


def group_seeds(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each trial's seeds moved into the trial."""
    seeds: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        seeds[entry.tags.get("mlflow.parentRunId", "")].append(entry)
    return [with_seeds(entry, seeds[entry.run_id]) for entry in entries if entry.kind != "seed"]


def with_seeds(trial: Entry, children: Sequence[Entry]) -> Entry:
    """The trial with those of its runs that are finished seeds."""
    seeds = [child for child in children if child.kind == "seed" and child.status == "finished"]
    return replace(trial, seeds=tuple(sorted(seeds, key=lambda s: int(s.tags["ferlab.replicate"]))))
