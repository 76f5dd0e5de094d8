"""Two runs, epoch by epoch and image by image; and the verdict on one that reproduces another."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from ferlab.analysis.predictions import Predictions
from ferlab.reproduce.differences import Difference
from ferlab.reproduce.recorded import Recorded
from ferlab.text import pluralize

Level = Literal["identical", "equivalent", "different"]

ALPHA = 0.01
"""Level of McNemar's exact test for whether two runs classify the images equally well."""

_SHOWN = 3


class Parting(NamedTuple):
    """A metric that differs between two runs in one epoch.

    Attributes:
        epoch: number of the epoch, from 1.
        metric: name of the metric.
        before: its value in the first run.
        again: its value in the second run.
    """

    epoch: int
    metric: str
    before: float
    again: float

    @property
    def size(self) -> float:
        """The absolute difference of the values."""
        return abs(self.before - self.again)

    def __str__(self) -> str:
        return f"{self.metric} {self.before:.6g} -> {self.again:.6g}"


@dataclass(frozen=True)
class RunComparison:
    """Differences between two runs' results.

    Attributes:
        epochs: number of epochs of each run.
        parted: the metrics that differ in the first epoch in which one does, largest first.
        largest: the metric that differs most in any epoch; None if none does.
        images: number of images that both runs have predicted.
        only_one: number of images that only one of them has predicted.
        changed: number of images whose predicted class differs.
        probability: the largest difference of a probability.
        same_bits: whether both have predictions, and every bit of them is the same.
        gained: number of images that only the second run classifies correctly.
        lost: number of images that only the first run classifies correctly.
    """

    epochs: tuple[int, int]
    parted: tuple[Parting, ...]
    largest: Parting | None
    images: int
    only_one: int
    changed: int
    probability: float
    same_bits: bool
    gained: int
    lost: int

    @property
    def is_identical(self) -> bool:
        """Whether predictions and history are the same to the last bit."""
        return self.same_bits and not self.parted and self.epochs[0] == self.epochs[1]

    @property
    def are_as_good(self) -> bool:
        """Whether McNemar's exact test finds no difference between the runs at level `ALPHA`."""
        trials = self.gained + self.lost
        return trials == 0 or bool(stats.binomtest(self.gained, trials).pvalue >= ALPHA)

    def lines(self) -> Iterator[str]:
        """The differences in words; nothing if there are none."""
        if self.epochs[0] != self.epochs[1]:
            yield " -> ".join(pluralize(count, "epoch") for count in self.epochs)
        if self.parted and self.largest is not None:
            first = "; ".join(str(parting) for parting in self.parted[:_SHOWN])
            rest = len(self.parted) - _SHOWN
            more = f"; and {rest} more of its metrics" if rest > 0 else ""
            yield f"parted at epoch {self.parted[0].epoch}: {first}{more}"
            yield (
                f"largest difference of a metric {self.largest.size:.2g}: "
                f"{self.largest} at epoch {self.largest.epoch}"
            )
        if not self.same_bits and self.images:
            yield (
                f"{self.changed:,} of {self.images:,} images ({self.changed / self.images:.1%}) "
                f"got another class; probabilities differ by up to {self.probability:.2g}"
            )
        if self.only_one:
            yield f"{self.only_one:,} images were predicted by one of them only"


def compare_runs(before: Recorded, again: Recorded) -> RunComparison:
    """Compare the histories and predictions of two runs."""
    partings = [
        Parting(epoch, name, old[name], new[name])
        for epoch, (old, new) in enumerate(
            zip(before.history, again.history, strict=False), start=1
        )
        for name in old.keys() & new.keys()
        if not _same(old[name], new[name])
    ]
    partings.sort(key=lambda parting: (parting.epoch, -parting.size, parting.metric))
    matched = _Matched.of(before.predictions, again.predictions)
    return RunComparison(
        epochs=(len(before.history), len(again.history)),
        parted=tuple(p for p in partings if p.epoch == partings[0].epoch),
        largest=max(partings, key=lambda parting: parting.size, default=None),
        images=matched.images,
        only_one=matched.only_one,
        changed=matched.changed,
        probability=matched.probability,
        same_bits=before.predictions is not None
        and again.predictions is not None
        and before.predictions.digest == again.predictions.digest,
        gained=matched.gained,
        lost=matched.lost,
    )


class Judgement(NamedTuple):
    """Whether a run reproduced another.

    Attributes:
        level: see `judge_rerun`.
        text: the level with its reasons, in one line.
    """

    level: Level
    text: str


def judge_rerun(found: RunComparison, differ: Sequence[Difference]) -> Judgement:
    """The verdict on a rerun.

    - ``identical``: every prediction and every epoch's metrics are the same to the last bit.
    - ``equivalent``: only differences that can change no more than the rounding of floats lie
      between the two settings, and one does; and both classify the images equally well (`ALPHA`).
    - ``different``: anything else.
    """
    if found.is_identical:
        return Judgement(
            "identical",
            f"identical: {pluralize(found.epochs[0], 'epoch')} and all {found.images:,} images are "
            "the same to the last bit",
        )
    text = "; ".join(found.lines())
    causes = [difference for difference in differ if difference.effect == "numbers"]
    if causes:
        because = "; ".join(f"{cause.section}: {cause.what}" for cause in causes[:_SHOWN])
        return Judgement("different", f"different: {text}; what is computed differs: {because}")
    causes = [difference for difference in differ if difference.effect == "rounding"]
    if not causes:
        return Judgement("different", f"different: {text}; nothing that was recorded explains it")
    because = "; ".join(cause.what for cause in causes[:_SHOWN])
    if found.only_one or not found.are_as_good:
        return Judgement("different", f"different: {text}; more than rounding explains ({because})")
    return Judgement("equivalent", f"equivalent: {text}; explained by {because}")


def worst(levels: Sequence[Level]) -> Level:
    """The worst of the levels, for several seeds that stand for one trial."""
    order: tuple[Level, ...] = ("different", "equivalent", "identical")
    return next(level for level in order if level in levels)


class _Matched(NamedTuple):
    """Two runs' predictions, matched by the images' names."""

    images: int = 0
    only_one: int = 0
    changed: int = 0
    probability: float = 0.0
    gained: int = 0
    lost: int = 0

    @classmethod
    def of(cls, before: Predictions | None, again: Predictions | None) -> "_Matched":
        if before is None or again is None:
            return cls()
        _, old, new = np.intersect1d(before.names, again.names, return_indices=True)
        first, second = before.predicted[old], again.predicted[new]
        right, right_now = first == before.labels[old], second == again.labels[new]
        one, other = before.probabilities[old], again.probabilities[new]
        return cls(
            images=len(old),
            only_one=len(before.names) + len(again.names) - 2 * len(old),
            changed=int((first != second).sum()),
            probability=float(np.abs(one - other).max(initial=0))
            if one.shape == other.shape
            else 1.0,
            gained=int((~right & right_now).sum()),
            lost=int((right & ~right_now).sum()),
        )


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def format_scores(metrics: Mapping[str, float]) -> str:
    """A run's accuracy and F1, as far as recorded, in a few words."""
    names = {"accuracy": "best/accuracy", "F1": "best/f1"}
    return ", ".join(
        f"{label} {metrics[key]:.4f}" for label, key in names.items() if key in metrics
    )
