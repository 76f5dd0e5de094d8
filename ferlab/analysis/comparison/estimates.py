"""Means with their intervals: over seeds, and over seeds and images together."""

from dataclasses import dataclass

from scipy import stats

from ferlab.analysis.classification import Floats
from ferlab.analysis.comparison.seeded import FEWEST
from ferlab.errors import EvidenceError


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


def over_seeds_and_images(values: Floats) -> Estimate:
    """The mean of scores whose seeds and images are both a sample of those there could be.

    Each image is scored under each seed, so scores vary by seed, by image, and by both. This is
    the analysis of many readers who read the same cases: two-way random effects on what each
    image adds to each score (Dorfman, Berbaum & Metz 1992, Investigative Radiology 27:723-731),
    with the denominator and degrees of freedom of Hillis (2007, Statistics in Medicine
    26:596-619). Where images add nothing beyond the seeds' spread it is `over_seeds`.

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
    of_both = left / max((s - 1) * (n - 1), 1)
    return from_mean_squares(value, s, n, of_seeds, of_images, of_both)


def from_mean_squares(
    value: float, seeds: int, images: int, of_seeds: float, of_images: float, of_both: float
) -> Estimate:
    """The estimate that follows from a two-way table's mean squares.

    Error and degrees of freedom are ``sqrt(E / (seeds * images))`` and
    ``E ** 2 / (of_seeds ** 2 / (seeds - 1))``, with ``E = of_seeds + max(of_images - of_both, 0)``
    (Hillis 2007, as in `over_seeds_and_images`).

    Args:
        value: the mean over the table.
        seeds: its rows.
        images: its columns.
        of_seeds: mean square between rows.
        of_images: mean square between columns.
        of_both: mean square of what rows and columns leave.
    """
    total = of_seeds + max(of_images - of_both, 0.0)
    df = (seeds - 1) * (total / of_seeds) ** 2 if of_seeds else float("inf")
    return Estimate(value, (total / (seeds * images)) ** 0.5, df)


def _check_enough(scores: Floats) -> None:
    if len(scores) < FEWEST:
        listed = ", ".join(f"{score:.4f}" for score in scores) or "none"
        raise EvidenceError(
            f"an interval needs at least {FEWEST} seeds, there are {len(scores)}: {listed}"
        )
