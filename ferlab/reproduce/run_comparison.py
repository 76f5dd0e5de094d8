"""Two runs, set side by side: step by step, epoch by epoch, image by image."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ferlab.analysis.equivalence import Interval, paired_interval
from ferlab.analysis.predictions import Predictions
from ferlab.config.problems import flatten
from ferlab.reproduce.recorded import Recorded
from ferlab.text import pluralize

_PLATEAU = "ferlab.training.schedule.plateau"
"""The schedule whose rates follow the validation loss, and so its rounding."""

_STEP = "train/loss/step_"

_SHOWN = 3


class Pair(NamedTuple):
    """A metric of both runs in one epoch.

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

    @property
    def share(self) -> float:
        """The absolute difference as a share of the larger value; 0 where both are the same."""
        return self.size / max(abs(self.before), abs(self.again)) if self.size else 0.0

    def __str__(self) -> str:
        return f"{self.metric} {self.before:.6g} -> {self.again:.6g}"


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Differences between two runs' results.

    Attributes:
        epochs: number of epochs of each run.
        rates: learning rates of both, of each first step and at the end of each epoch; none if
            they were not recorded.
        follows_loss: whether the rates of later epochs depend on the validation loss.
        steps: losses of both in each first step, by its number; none if they were not recorded.
        first_epoch: mean training loss of both in epoch 1; None if it was not recorded.
        parted: the metrics that differ in the first epoch in which one does, largest first.
        largest: the metric that differs most in any epoch; None if none does.
        only_one: number of images that only one of them has predicted.
        names: of the images that both have predicted, sorted, shape (n,).
        turned: 1 where only the second run classifies an image correctly, -1 where only the first
            does, else 0, shape (n,).
        changed: number of images whose predicted class differs.
        probability: the largest difference of a probability.
        same_bits: whether both have predictions, and every bit of them is the same.
    """

    epochs: tuple[int, int]
    rates: tuple[Pair, ...]
    follows_loss: bool
    steps: Mapping[int, Pair]
    first_epoch: Pair | None
    parted: tuple[Pair, ...]
    largest: Pair | None
    only_one: int
    names: npt.NDArray[np.str_]
    turned: npt.NDArray[np.int8]
    changed: int
    probability: float
    same_bits: bool

    @property
    def is_identical(self) -> bool:
        """Whether predictions and history are the same to the last bit."""
        return self.same_bits and not self.parted and self.epochs[0] == self.epochs[1]

    @property
    def images(self) -> int:
        """Number of images that both runs have predicted."""
        return len(self.turned)

    @property
    def accuracy(self) -> float:
        """By how much the second run's accuracy is higher, on the images of both."""
        return float(self.turned.mean()) if self.images else 0.0

    def accuracy_interval(self) -> Interval:
        """The interval of `accuracy`, if there are images; see `paired_interval`."""
        gained, lost = int((self.turned > 0).sum()), int((self.turned < 0).sum())
        return paired_interval(gained, lost, self.images)

    def parted_rate(self) -> Pair | None:
        """The first learning rate that differs by more than how a cosine is computed."""
        return next((p for p in self.rates if p.share > 1e-9), None)

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
    pairs = [
        Pair(epoch, name, old[name], new[name])
        for epoch, (old, new) in enumerate(
            zip(before.history, again.history, strict=False), start=1
        )
        for name in sorted(old.keys() & new.keys())
    ]
    partings = [pair for pair in pairs if not _same(pair.before, pair.again)]
    partings.sort(key=lambda pair: (pair.epoch, -pair.size, pair.metric))
    first_epoch = (pair for pair in pairs if (pair.epoch, pair.metric) == (1, "train/loss"))
    matched = _Matched.of(before.predictions, again.predictions)
    return RunComparison(
        epochs=(len(before.history), len(again.history)),
        rates=tuple(pair for pair in pairs if pair.metric.partition("/")[0] == "lr"),
        follows_loss=flatten(before.setting.config).get("scheduler._target_") == _PLATEAU,
        steps={
            int(pair.metric.removeprefix(_STEP)): pair
            for pair in pairs
            if pair.metric.startswith(_STEP)
        },
        first_epoch=next(first_epoch, None),
        parted=tuple(pair for pair in partings if pair.epoch == partings[0].epoch),
        largest=max(partings, key=lambda pair: pair.size, default=None),
        only_one=matched.only_one,
        names=matched.names,
        turned=matched.turned,
        changed=matched.changed,
        probability=matched.probability,
        same_bits=before.predictions is not None
        and again.predictions is not None
        and before.predictions.digest == again.predictions.digest,
    )


class _Matched(NamedTuple):
    """Two runs' predictions, matched by the images' names."""

    names: npt.NDArray[np.str_] = np.empty(0, np.str_)
    turned: npt.NDArray[np.int8] = np.empty(0, np.int8)
    only_one: int = 0
    changed: int = 0
    probability: float = 0.0

    @classmethod
    def of(cls, before: Predictions | None, again: Predictions | None) -> "_Matched":
        if before is None or again is None:
            return cls()
        names, old, new = np.intersect1d(before.names, again.names, return_indices=True)
        first, second = before.predicted[old], again.predicted[new]
        right, right_now = first == before.labels[old], second == again.labels[new]
        one, other = before.probabilities[old], again.probabilities[new]
        return cls(
            names=names,
            turned=right_now.astype(np.int8) - right.astype(np.int8),
            only_one=len(before.names) + len(again.names) - 2 * len(old),
            changed=int((first != second).sum()),
            probability=float(np.abs(one - other).max(initial=0))
            if one.shape == other.shape
            else 1.0,
        )


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def format_scores(metrics: Mapping[str, float]) -> str:
    """A run's accuracy and F1, as far as recorded, in a few words."""
    names = {"accuracy": "best/accuracy", "F1": "best/f1"}
    return ", ".join(
        f"{label} {metrics[key]:.4f}" for label, key in names.items() if key in metrics
    )
