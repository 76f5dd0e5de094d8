"""A model that is made of several runs, recorded as an MLflow run of its own."""

import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ferlab.analysis.comparison.verdict import points
from ferlab.analysis.equivalence import Interval
from ferlab.config.naming import run_name
from ferlab.config.problems import flatten
from ferlab.ensemble.combine import Combined, MemberRun
from ferlab.ensemble.members import VIEWS
from ferlab.ensemble.scores import (
    Scores,
    gain_interval,
    gains_over_members,
    members_table,
    scores_of,
)
from ferlab.errors import Outage, RunEnded, TrackingError
from ferlab.models import cost
from ferlab.models.classifier import Classifier
from ferlab.models.views import views_named
from ferlab.outage import Patience
from ferlab.recording.record import record_model
from ferlab.recording.work import locked
from ferlab.text import pluralize
from ferlab.tracking import store
from ferlab.tracking.entry import KIND, MADE_OF
from ferlab.tracking.run import MEMBERS, Run
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import find_run
from ferlab.training.stop import reason_of

_HOW = {"ensemble": "mean probabilities", "soup": "mean weights"}

_TABLE = "members.csv"

_BEGUN_AS = "ferlab.begun_as"
"""The tag of a run that only one command can have begun."""


@dataclass(frozen=True)
class CombinedResult:
    """What came of several runs made one.

    Attributes:
        combined: the model.
        scores: its own, on the validation images.
        members: those of each member.
        metrics: its summary metrics in MLflow.
        interval: of the gain in accuracy over the best member.
    """

    combined: Combined
    scores: Scores
    members: tuple[Scores, ...]
    metrics: dict[str, float]
    interval: Interval

    @classmethod
    def of(cls, combined: Combined) -> "CombinedResult":
        """Score a model and its members, whose costs are added where all of them are needed."""
        classes = combined.model.images.classes
        scores = scores_of(combined.predictions, classes)
        members = tuple(scores_of(member.predictions, classes) for member in combined.members)
        best = max(range(len(members)), key=lambda i: members[i]["accuracy"])
        metrics = {
            **{f"best/{name}": value for name, value in scores.items()},
            **combined.finished.calibration,
            **gains_over_members(scores, members),
            "members": float(len(members)),
            **_costs(combined),
        }
        interval = gain_interval(combined.members[best].predictions, combined.predictions)
        return cls(combined, scores, members, metrics, interval)

    @property
    def note(self) -> str:
        """The result in a line."""
        low, high = map(points, self.interval)
        return (
            f"{points(self.metrics['gain_over_best/accuracy'])} points of accuracy over the best "
            f"member (95 % interval {low} to {high}), "
            f"{points(self.metrics['gain_over_mean/accuracy'])} over their mean"
        )


def record_combined(client: Client, result: CombinedResult) -> str:
    """Record a model that is made of several runs, in the experiment of the first of them.

    Returns:
        The run's id.

    Raises:
        RunEnded: it could not be recorded as a whole; what there is of it is no finished run.
        Outage: the store or the disk was away for too long, with the same outcome.
    """
    combined = result.combined
    tags = {
        KIND: combined.way,
        MADE_OF: ",".join(member.entry.run_id for member in combined.members),
        "mlflow.source.name": "ferlab ensemble",
        _BEGUN_AS: uuid.uuid4().hex,
    }
    patience = Patience.of_command("nothing is lost, ferlab ensemble makes it again")
    run = patience.call(partial(_begin, client, combined, tags))
    with locked(run.id) as folder:
        try:
            patience.call(partial(_record, run, result))
            patience.call(partial(run.end, "FINISHED"))
        except BaseException as error:
            reason, what = reason_of(error)
            with suppress(TrackingError):  # else it is ended by who finds its folder
                run.end("KILLED" if reason == "interrupted" else "FAILED", reason, what)
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, Outage):
                raise
            raise RunEnded(f"{what}; run {run.id} is not finished", run.id, reason) from error
    shutil.rmtree(folder, ignore_errors=True)
    return run.id


def _begin(client: Client, combined: Combined, tags: Mapping[str, str]) -> Run:
    """A new run; or the same, where a store that went away has made it and could not say so."""
    if (begun := find_run(client, {_BEGUN_AS: tags[_BEGUN_AS]})) is not None:
        return Run(client, begun.run_id)
    experiment = store.experiment_of(client, combined.members[0].entry.run_id)
    return Run.create(client, experiment, _name(combined), combined.model.images, tags)


def _record(run: Run, result: CombinedResult) -> None:
    combined = result.combined
    model, members = combined.model, combined.members
    configs = [dict(member.recorded.setting.config) for member in members]
    plain = [
        {"run_id": member.entry.run_id, "name": member.entry.name, "config": config}
        for member, config in zip(members, configs, strict=True)
    ]
    shared = _shared(configs) | ({} if combined.views is None else {VIEWS: combined.views})
    run.log_origin(MEMBERS, {"members": plain}, shared, model.config.data, model.images)
    run.log_environment(frozenset[str]().union(*(m.model.config.targets() for m in members)))

    def write(folder: Path) -> None:
        table = members_table([member.entry for member in members], result.members)
        (folder / _TABLE).write_text(table, encoding="utf-8")

    model_id = record_model(run, combined.finished, model.network, write)
    note = (
        f"Accuracy **{result.scores['accuracy']:.4f}**, macro F1 **{result.scores['f1']:.4f}** on "
        f"{len(combined.predictions.labels):,} validation images, by the {_HOW[combined.way]} of "
        f"{pluralize(len(members), 'run')}: {result.note}."
    )
    tags = {
        "ferlab.predictions.digest": combined.predictions.digest,
        "mlflow.note.content": note,
    }
    run.log_summary(result.metrics, tags, model_id)


def _shared(configs: list[dict[str, Any]]) -> dict[str, Any]:
    """What all members' configs say of their training alike, flat."""
    first, *others = map(flatten, configs)
    absent = object()
    return {
        key: value
        for key, value in first.items()
        if not key.startswith("tracking.")
        and all(other.get(key, absent) == value for other in others)
    }


def _name(combined: Combined) -> str:
    """``ensemble of 3: compact se r8 @1+3 pool, faces, zooms``, without what is not shared."""
    configs = [member.model.config for member in combined.members]
    names = {run_name(config).rpartition(", seed ")[0] for config in configs}
    shared = names.pop() if len(names) == 1 else configs[0].data.name
    over = "" if combined.views is None else f", {combined.views}"
    return f"{combined.way} of {len(configs)}: {shared}{over}"


def _costs(combined: Combined) -> dict[str, float]:
    """Parameters, multiply-adds and latency of an image."""
    members = combined.members if combined.way == "ensemble" else combined.members[:1]
    return {
        "parameters": sum(member.entry.metrics["parameters"] for member in members),
        "multiply_adds": sum(map(_multiply_adds, members)),
        "latency_ms": cost.latency(combined.model.classifier),
    }


def _multiply_adds(member: MemberRun) -> float:
    """Of an image, over the views that it is scored over here."""
    trained, classifier = member.model.config.trainer.views, member.model.classifier
    now = len(classifier.views) if isinstance(classifier, Classifier) else 1
    return member.entry.metrics["multiply_adds"] * now / len(views_named(trained))
