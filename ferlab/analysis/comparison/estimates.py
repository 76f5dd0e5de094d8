"""Means with their intervals: over seeds, and over seeds and images together."""

import math
from dataclasses import dataclass

from scipy import stats

from ferlab.analysis.classification import Floats
from ferlab.analysis.comparison.seeded import FEWEST
from ferlab.errors import EvidenceError

_ROUNDING = 1e-9
"""Share of a mean square below which another is zero but for rounding."""


@dataclass(frozen=True)
class Estimate:
    """A mean and how well it is known, by Student's t.

    Attributes:
        value: the mean.
        error: its standard error.
        df: degrees of freedom of the error; infinite where it is known well.
    """

    value: float
    error: float
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Lowest and highest plausible value at this level of confidence."""
        half = float(stats.t.isf((1 - level) / 2, self.df)) * self.error
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """Two-sided p of no effect: how often chance alone would be this far from zero."""
        if not self.error:
            return float(self.value == 0)
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.df))


def less(one: Estimate, other: Estimate) -> Estimate:
    """One estimate less another, as if they were independent, with the fewer degrees of freedom."""
    error = math.hypot(one.error, other.error)
    return Estimate(one.value - other.value, error, min(one.df, other.df))


def over_seeds(scores: Floats) -> Estimate:
    """The mean over seeds by Student's t (Student 1908, Biometrika 6:1-25).

    It says what other seeds would come to on the very same images.

    Args:
        scores: of one run per seed, or differences between two, shape (s,).

    Raises:
        EvidenceError: there are fewer than 3; they are listed.
    """
    _check_enough(scores)
    error = float(scores.std(ddof=1)) / len(scores) ** 0.5
    return Estimate(float(scores.mean()), error, len(scores) - 1)


@dataclass(frozen=True)
class MeanSquares:
    """A table of scores by seed and image, as its mean and mean squares.

    Attributes:
        value: the mean over the table.
        seeds: its rows.
        images: its columns.
        of_seeds: mean square between rows.
        of_images: mean square between columns.
        of_both: mean square of what rows and columns leave.
    """

    value: float
    seeds: int
    images: int
    of_seeds: float
    of_images: float
    of_both: float

    @property
    def estimate(self) -> Estimate:
        """The mean for other seeds and other images.

        Error and denominator are those of Hillis (2007, Statistics in Medicine 26:596-619), ``E =
        of_seeds + max(of_images - of_both, 0)``. His degrees of freedom, ``(seeds - 1) *
        (E / of_seeds) ** 2``, are many where few seeds happen to agree; so here ``of_seeds`` counts
        for no less than ``of_both``, which it estimates where seeds add nothing, and the factor for
        no less than 1.
        """
        ratio = self._total / floor if (floor := max(self.of_seeds, self.of_both)) else math.inf
        df = (self.seeds - 1) * max(1.0, ratio) ** 2
        return Estimate(self.value, self.variance(self.seeds) ** 0.5, df)

    def variance(self, seeds: float) -> float:
        """Squared error of the mean over so many seeds, as far as these tell, on as many images."""
        return (self._between_seeds / seeds + self._between_images / self.seeds) / self.images

    @property
    def _total(self) -> float:
        return self._between_seeds + self._between_images

    @property
    def _between_seeds(self) -> float:
        """Where all seeds score the same, which is luck, what rows and columns leave instead."""
        return self.of_seeds if self.of_seeds > _ROUNDING * self.of_both else self.of_both

    @property
    def _between_images(self) -> float:
        return max(self.of_images - self.of_both, 0.0)


def mean_squares(values: Floats) -> MeanSquares:
    """The mean squares of a table of scores by seed and image.

    Args:
        values: what each image adds, shape (s, n), as from
            `ferlab.analysis.comparison.scores.contributions`;
            or the differences of two such arrays.

    Raises:
        EvidenceError: there are fewer than 3 seeds; their scores are listed.
    """
    s, n = values.shape
    by_seed = values.mean(axis=1)
    _check_enough(by_seed)
    by_image, value = values.mean(axis=0), float(by_seed.mean())
    of_seeds = n * float(by_seed.var(ddof=1))
    of_images = s * float(((by_image - value) ** 2).sum()) / max(n - 1, 1)
    left = float(((values - value) ** 2).sum()) - (s - 1) * of_seeds - (n - 1) * of_images
    return MeanSquares(value, s, n, of_seeds, of_images, left / max((s - 1) * (n - 1), 1))


def over_seeds_and_images(values: Floats) -> Estimate:
    """The mean of scores whose seeds and images are both a sample of those there could be.

    Each image is scored under each seed, so scores vary by seed, by image, and by both. This is
    the analysis of many readers who read the same cases: two-way random effects on what each
    image adds to each score (Dorfman, Berbaum & Metz 1992, Investigative Radiology 27:723-731).
    Where images add nothing beyond the seeds' spread it is `over_seeds`.

    Args:
        values: see `mean_squares`.

    Raises:
        EvidenceError: there are fewer than 3 seeds; their scores are listed.
    """
    return mean_squares(values).estimate


def _check_enough(scores: Floats) -> None:
    if len(scores) < FEWEST:
        listed = ", ".join(f"{score:.4f}" for score in scores) or "none"
        raise EvidenceError(
            f"an interval needs at least {FEWEST} seeds, there are {len(scores)}: {listed}"
        )
