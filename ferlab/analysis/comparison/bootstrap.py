"""The paired bootstrap over seeds and images together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.analysis.classification import Floats, Labels, Metric, score
from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.paired import difference
from ferlab.analysis.comparison.seeded import SeededPredictions, check_comparable

_CHUNK = 250
"""Draws at a time; bounds the memory."""


@dataclass(frozen=True)
class Resampled:
    """A difference, by resampling.

    Attributes:
        low: lower end of its interval.
        high: upper end of its interval.
        p: two-sided, of no difference.
    """

    low: float
    high: float
    p: float


def bootstrap(
    arm: SeededPredictions,
    baseline: SeededPredictions,
    metrics: tuple[Metric, ...] = ("accuracy", "f1"),
    *,
    draws: int = 4000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[Metric, Resampled]:
    """Draw seeds and images with replacement, the same for both arms, and see what would differ.

    Draws of both at once do not spread as the difference itself would: of the variance that
    seeds and images make together they hold three times too much, of the variance between few
    seeds too little (Owen 2007, Annals of Applied Statistics 1:386-411), and no way of drawing
    holds all of it as it should (McCullagh 2000, Bernoulli 6:285-301). So they give the shape,
    skewness included, and the two-way analysis gives the width: deviations are scaled to its
    standard error, each divided by the root of a mean of ``df`` squared normals, as in Student's
    t. By simulation (``tests/analysis/test_rates.py``) tests and intervals keep their rates.

    Args:
        arm: what is tried.
        baseline: what it is compared to, on the same seeds and images.
        metrics: what to compare.
        draws: how many.
        seed: of the draws.
        level: of confidence.

    Raises:
        EvidenceError: the arms do not share seeds, images and labels, or have fewer than 3 seeds.
    """
    check_comparable(arm, baseline)
    estimates = {metric: difference(arm, baseline, metric) for metric in metrics}
    rng = np.random.default_rng(seed)
    cells = np.concatenate([_one_hot(arm), _one_hot(baseline)], axis=1)  # (n, 2 s k k)
    drawn: dict[Metric, list[Floats]] = {metric: [] for metric in metrics}
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        seeds = _times(rng, size, len(arm.seeds)) / len(arm.seeds)  # (b, s)
        counts = _times(rng, size, arm.images) @ cells
        shape = (size, 2, len(arm.seeds), len(arm.classes), len(arm.classes))
        for metric in metrics:
            scores = score(metric, counts.reshape(shape))  # (b, 2, s)
            drawn[metric].append(((scores[:, 0] - scores[:, 1]) * seeds).sum(axis=1))
    return {
        metric: _calibrated(np.concatenate(drawn[metric]), estimates[metric], rng, level)
        for metric in metrics
    }


def _one_hot(arm: SeededPredictions) -> npt.NDArray[np.float32]:
    """In which cell of each run's confusion matrix each image lies, shape (n, s k k)."""
    k = len(arm.classes)
    cells: Labels = arm.labels.astype(np.int64) * k + arm.predicted  # (s, n)
    cells = cells + np.arange(len(cells))[:, None] * k * k
    hot = np.zeros((arm.images, len(cells) * k * k), np.float32)
    np.put_along_axis(hot, cells.T, 1, axis=1)
    return hot


def _times(rng: np.random.Generator, draws: int, size: int) -> npt.NDArray[np.float32]:
    """How often each of `size` things is drawn, shape (draws, size)."""
    chosen = rng.integers(size, size=(draws, size)) + np.arange(draws)[:, None] * size
    counts = np.bincount(chosen.ravel(), minlength=draws * size)
    return counts.reshape(draws, size).astype(np.float32)


def _calibrated(
    drawn: Floats, estimate: Estimate, rng: np.random.Generator, level: float
) -> Resampled:
    deviations = drawn - drawn.mean()
    if spread := float(deviations.std(ddof=1)):
        deviations *= estimate.error / spread
    if np.isfinite(estimate.df):
        deviations /= np.sqrt(rng.chisquare(estimate.df, len(drawn)) / estimate.df)
    values = estimate.value + deviations
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(int((values <= 0).sum()), int((values >= 0).sum()))
    return Resampled(float(low), float(high), min(1.0, 2 * (beyond + 1) / (len(drawn) + 1)))
