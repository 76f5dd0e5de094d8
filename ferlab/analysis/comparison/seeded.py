"""One configuration under several seeds, scored on the same images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.analysis.classification import Labels
from ferlab.errors import EvidenceError

FEWEST = 3
"""Seeds without which no interval is given."""

FEWEST_FOR_A_VERDICT = 5
"""Seeds without which nothing is called: with 3 the test of several arms errs too often."""


@dataclass(frozen=True, eq=False)
class SeededPredictions:
    """The predictions of one configuration, a run for each seed.

    Attributes:
        name: of the configuration, as a reader knows it.
        seeds: of the runs, s of them, all different.
        classes: k names, in the order of the labels.
        names: the images', shape (n,).
        labels: true classes, shape (n,).
        predicted: predicted classes of each run, shape (s, n).

    Raises:
        EvidenceError: shapes, seeds or classes do not fit each other, or there is no image.
    """

    name: str
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    names: npt.NDArray[np.str_]
    labels: Labels
    predicted: Labels

    def __post_init__(self) -> None:
        n, s, k = len(self.labels), len(self.seeds), len(self.classes)
        if not n or len(self.names) != n or self.predicted.shape != (s, n):
            raise EvidenceError(
                f"arm {self.name!r}: {len(self.names)} names, {n} labels, {s} seeds, predictions "
                f"of shape {self.predicted.shape}: need one name and label per image, at least 1, "
                "and a row of predictions per seed"
            )
        if len(set(self.seeds)) < s:
            raise EvidenceError(f"arm {self.name!r}: a seed occurs twice among {self.seeds}")
        lowest = min(self.labels.min(), self.predicted.min(initial=0))
        highest = max(self.labels.max(), self.predicted.max(initial=0))
        if lowest < 0 or highest >= k:
            raise EvidenceError(
                f"arm {self.name!r}: classes {lowest}-{highest} among labels and predictions: "
                f"0-{k - 1} exist"
            )

    @property
    def images(self) -> int:
        """How many there are."""
        return len(self.labels)

    def first(self, seeds: int) -> "SeededPredictions":
        """The runs of the first so many seeds."""
        some = self.predicted[:seeds]
        return SeededPredictions(
            self.name, self.seeds[:seeds], self.classes, self.names, self.labels, some
        )

    def part(self, keep: npt.NDArray[np.bool_]) -> "SeededPredictions":
        """The same runs on some of the images.

        Args:
            keep: which, shape (n,).

        Raises:
            EvidenceError: none is kept.
        """
        chosen = self.names[keep], self.labels[keep], self.predicted[:, keep]
        return SeededPredictions(self.name, self.seeds, self.classes, *chosen)


def check_comparable(arm: SeededPredictions, baseline: SeededPredictions) -> None:
    """Refuse two arms that differ in more than their configuration.

    Raises:
        EvidenceError: they do not share classes, seeds, or images with their labels, in order.
    """
    both = f"{arm.name!r} and {baseline.name!r}"
    if arm.classes != baseline.classes:
        raise EvidenceError(
            f"{both} cannot be compared: their classes are {', '.join(arm.classes)} and "
            f"{', '.join(baseline.classes)}"
        )
    if arm.seeds != baseline.seeds:
        raise EvidenceError(
            f"{both} cannot be compared: their seeds are {_listed(arm.seeds)} and "
            f"{_listed(baseline.seeds)}; each seed must have a run in both, in the same order"
        )
    if arm.images != baseline.images:
        raise EvidenceError(
            f"{both} cannot be compared: they were scored on different data, "
            f"{arm.images:,} and {baseline.images:,} images"
        )
    differ = np.flatnonzero((arm.names != baseline.names) | (arm.labels != baseline.labels))
    if len(differ):
        raise EvidenceError(
            f"{both} cannot be compared: they were scored on different data; {len(differ):,} of "
            f"{arm.images:,} images differ in name or label, the first is "
            f"{str(arm.names[differ[0]])!r} and {str(baseline.names[differ[0]])!r}"
        )


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds)) or "none"
