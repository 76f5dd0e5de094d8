"""A study's trials as plain values: what pictures, written results and the live table show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ferlab.config.attention import NONE
from ferlab.study.params import Domain, Params

State = Literal["complete", "pruned", "failed", "running"]


@dataclass(frozen=True)
class TrialRow:
    """One trial of a study.

    Attributes:
        number: number of the trial, from 0.
        state: state of the trial.
        params: the parameters that were drawn for it.
        name: short name, ``se r8 @2+3 pool``.
        values: one per objective, each the mean over its seeds; None where it has none.
        replicates: the first objective of each finished seed, in the order of the seeds.
        epochs: the first objective of its first seed, by epoch, from 1.
        why: reason why it was pruned or failed; else empty.
        run_id: id of its MLflow run.
        started: time of its start, in seconds since 1970.
        ended: time of its end, in seconds since 1970; None while it runs.
        beside: largest number of other trials that its machine trained while its latency was timed;
            None where that is not known, or latency is no objective.
        is_deleted: whether its MLflow run, or that of a seed, was deleted since it was complete.
        codes: which states of the code trained its seeds, counted from 0 over the study; empty
            where that is not known.
    """

    number: int
    state: State
    params: Params
    name: str
    values: tuple[float, ...] | None
    replicates: tuple[float, ...]
    epochs: Mapping[int, float]
    why: str
    run_id: str | None
    started: float
    ended: float | None
    beside: int | None = None
    is_deleted: bool = False
    codes: tuple[int, ...] = ()

    @property
    def attention(self) -> str:
        """The kind of attention drawn for the trial; empty where that was not searched."""
        return str(self.params.get("model.attention.kind", ""))

    @property
    def is_plain(self) -> bool:
        """Whether the trial was drawn without attention."""
        return self.attention == NONE


BEFORE = "before the change"
"""The origin of a trial that a changed space has no point for any more."""


@dataclass(frozen=True)
class OutsideRow:
    """A trial that is not counted: put into a study from outside, or out of its changed space.

    Attributes:
        number: number of the trial, from 0.
        origin: where it is from, in words.
        params: its parameters.
        values: one per objective; None for a point that was enqueued and cannot be trained.
        why: reason why it is skipped, or why the sampler does not know of it; else empty.
    """

    number: int
    origin: str
    params: Params
    values: tuple[float, ...] | None
    why: str


@dataclass(frozen=True)
class Spread:
    """A standard deviation and its degrees of freedom."""

    deviation: float
    freedom: int


@dataclass(frozen=True)
class StudyTable:
    """A study and all its trials.

    Attributes:
        study: name of the study.
        question: the question that it is to answer; None without one.
        objectives: names of the objectives, ``val/accuracy``, ``parameters``; at least one.
        minimised: for each objective, whether less is better.
        budget: number of trials that are to count.
        epochs: largest number of epochs of each training run.
        replicates: number of seeds that each trial is trained under.
        images: number of validation images behind one score; None where it is not known.
        rows: the trials, by number.
        outside: trials that were put into the study from outside, by number; they cost no budget.
        waiting: number of enqueued points that are not trained yet.
        changes: what was different in the space, each time that it was changed.
        domains: what each swept parameter may be, by its key.
        baseline: the point that the others are compared with; None where none was declared.
        is_listed: whether its points are those of a list, and not all of a space.
        away: what workers wait for just now, a line each.
    """

    study: str
    question: str | None
    objectives: tuple[str, ...]
    minimised: tuple[bool, ...]
    budget: int
    epochs: int
    replicates: int
    images: int | None
    rows: tuple[TrialRow, ...]
    outside: tuple[OutsideRow, ...] = ()
    waiting: int = 0
    changes: tuple[tuple[str, ...], ...] = ()
    domains: Mapping[str, Domain] = field(default_factory=dict)
    baseline: Params | None = None
    is_listed: bool = False
    away: tuple[str, ...] = ()

    def of(self, state: State) -> list[TrialRow]:
        """The trials in a state, by number."""
        return [row for row in self.rows if row.state == state]

    @cached_property  # a report asks for this and the next two once a trial
    def complete(self) -> list[TrialRow]:
        """The complete trials that have values, by number."""
        return [row for row in self.rows if row.state == "complete" and row.values]

    @cached_property
    def ranked(self) -> list[TrialRow]:
        """The complete trials that may be the best, best first.

        The order is by the first objective, then the next, then number. A trial whose run was
        deleted cannot be looked at or reproduced, so it is left out.
        """
        return sorted(self.kept, key=lambda row: (self.costs(row), row.number))

    @cached_property
    def kept(self) -> list[TrialRow]:
        """The complete trials whose runs are there, by number."""
        return [row for row in self.complete if not row.is_deleted]

    @property
    def deleted(self) -> list[TrialRow]:
        """The complete trials whose runs were deleted, by number."""
        return [row for row in self.complete if row.is_deleted]

    @property
    def best(self) -> TrialRow | None:
        """The best complete trial, the first of `ranked`; None without one."""
        return next(iter(self.ranked), None)

    @cached_property
    def baseline_row(self) -> TrialRow | None:
        """The first complete trial of the declared baseline; None without one."""
        rows = (row for row in self.kept if row.params == self.baseline)
        return next(rows, None)

    @cached_property
    def between_seeds(self) -> Spread | None:
        """How far its trials' seeds scatter; see `residual`."""
        return between_seeds(self.rows)

    def label(self, row: TrialRow) -> str:
        """The name of a trial, marked where it is one of the declared baseline."""
        return f"{row.name} (baseline)" if row.params == self.baseline else row.name

    @property
    def front(self) -> list[TrialRow]:
        """The Pareto front: the complete trials that no other dominates, best first."""
        front: list[TrialRow] = []
        for row in self.ranked:  # what is better than a row in all stands before it
            costs = self.costs(row)
            others = (self.costs(other) for other in front)
            if all(o == costs or any(c < b for c, b in zip(costs, o, strict=True)) for o in others):
                front.append(row)
        return front

    def costs(self, row: TrialRow) -> tuple[float, ...]:
        """The values of a trial, signed so that less is better."""
        signed = zip(row.values or (), self.minimised, strict=True)
        return tuple(value if less else -value for value, less in signed)


def between_seeds(rows: Iterable[TrialRow]) -> Spread | None:
    """How far a trial's seeds scatter against those of other trials; see `residual`."""
    return residual([row.replicates for row in rows])


def residual(scores: Sequence[Sequence[float]]) -> Spread | None:
    """What trial and seed leave of scores, by least squares: the noise of a difference of trials.

    All trials have the same seeds, so that what a seed does to each of them is in no difference.

    Args:
        scores: of each trial under its first seeds, as many as it had.

    Returns:
        None where nothing is left to tell it from: without two trials of two seeds.
    """
    several = [np.asarray(group) - np.mean(group) for group in scores if len(group) > 1]
    seeds = max(map(len, several), default=1)
    sums, weights = np.zeros(seeds), np.zeros((seeds, seeds))
    for centred in several:  # the normal equations of the seeds' effects, with the trials' removed
        count = len(centred)
        sums[:count] += centred
        weights[:count, :count] += np.eye(count) - 1 / count
    freedom = sum(len(centred) - 1 for centred in several) - (seeds - 1)
    if freedom < 1:
        return None
    effects = np.linalg.lstsq(weights, sums)[0]
    fitted = [effects[: len(centred)] - effects[: len(centred)].mean() for centred in several]
    left = np.concatenate(several) - np.concatenate(fitted)
    return Spread(math.sqrt(float(left @ left) / freedom), freedom)


def value_of(row: TrialRow) -> float:
    """The first objective of a trial; NaN where it has none."""
    return row.values[0] if row.values else math.nan
