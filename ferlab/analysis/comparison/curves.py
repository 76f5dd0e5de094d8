"""Learning curves of one configuration, with their spread over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ferlab.analysis.classification import Floats
from ferlab.analysis.comparison.seeded import FEWEST
from ferlab.errors import EvidenceError


@dataclass(frozen=True, eq=False)
class Band:
    """A metric by epoch, over seeds; each of shape (epochs,), from epoch 1.

    Attributes:
        mean: over the seeds.
        low: lower end of the mean's 95 % interval over seeds.
        high: upper end.
    """

    mean: Floats
    low: Floats
    high: Floats


def band(curves: Sequence[Sequence[float]]) -> Band:
    """The mean curve and, epoch by epoch, its interval by Student's t.

    Args:
        curves: the metric by epoch, one curve per seed. Only the epochs that all seeds reached
            are kept, so that no part of the mean is made of the seeds that went on.

    Raises:
        EvidenceError: there are fewer than 3 curves, or no epoch that all reached.
    """
    epochs = min(map(len, curves), default=0)
    if len(curves) < FEWEST or not epochs:
        raise EvidenceError(
            f"a band over seeds needs at least {FEWEST} curves with an epoch in common, there are "
            f"{len(curves)} with {', '.join(str(len(curve)) for curve in curves) or 'no'} epochs"
        )
    values = np.array([curve[:epochs] for curve in curves], np.float64)
    half = stats.t.isf(0.025, len(values) - 1) * values.std(axis=0, ddof=1) / len(values) ** 0.5
    mean = values.mean(axis=0)
    return Band(mean, mean - half, mean + half)
