"""Two arms on the same seeds and images: their difference, and its tests."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ferlab.analysis.classification import Floats, Metric
from ferlab.analysis.comparison.estimates import MeanSquares, mean_squares
from ferlab.analysis.comparison.scores import check_seeds, contributions
from ferlab.analysis.comparison.seeded import SeededPredictions, check_comparable

_ENUMERATED = 16
"""Seeds up to which all signs of the differences are tried: 2 ** 16 ways."""


def difference(arm: SeededPredictions, baseline: SeededPredictions, metric: Metric) -> MeanSquares:
    """By how much the arm scores higher, over seeds and images: what the primary test is of.

    In simulated studies without a difference its 5 % test rejects in 4 to 6 % with 5 or 10
    seeds and in 1 to 5 % with 3, whatever seeds and images contribute, where a t test over the
    seeds alone rejects in up to 36 % (as simulated in ``tests/analysis/test_rates.py``).

    Args:
        arm: what is tried.
        baseline: what it is compared to, on the same seeds and images.
        metric: accuracy or macro F1.

    Raises:
        EvidenceError: the arms do not share seeds, images and labels, or have fewer than 3 seeds.
    """
    check_comparable(arm, baseline)
    check_seeds(metric, arm, baseline)
    return mean_squares(contributions(metric, arm) - contributions(metric, baseline))


def sign_flip(differences: Floats) -> float:
    """Two-sided p of paired differences when each could as well have had the other sign.

    Exact up to 16 seeds (Fisher 1935, The Design of Experiments, section 21), else from 65,536
    random choices of signs. It assumes no distribution, but with s seeds cannot be smaller than
    ``2 / 2 ** s``: 0.0625 for 5.

    Args:
        differences: one per seed, shape (s,).
    """
    tried = np.inf if len(differences) <= _ENUMERATED else 2**_ENUMERATED
    result = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=tried, rng=0
    )
    return float(result.pvalue)


@dataclass(frozen=True)
class McNemar:
    """Two runs on the same images.

    Attributes:
        gained: images that only the arm's run reads correctly.
        lost: images that only the baseline's run reads correctly.
        p: two-sided, of both being as likely.
    """

    gained: int
    lost: int
    p: float


def mcnemar(arm: SeededPredictions, baseline: SeededPredictions) -> tuple[McNemar, ...]:
    """McNemar's exact test for each seed's pair of runs.

    The binomial test of the images that only one of the two reads correctly (McNemar 1947,
    Psychometrika 12:153-157; exact by Mosteller 1952, Biometrics 8:220-226). It compares two
    trained networks; that another seed would train others it does not know.

    Returns:
        One result per seed, in order.

    Raises:
        EvidenceError: the arms do not share seeds, images and labels.
    """
    check_comparable(arm, baseline)
    right, right_before = arm.predicted == arm.labels, baseline.predicted == baseline.labels
    gained = (right & ~right_before).sum(axis=1).tolist()
    lost = (right_before & ~right).sum(axis=1).tolist()
    return tuple(McNemar(g, x, _even(g, x)) for g, x in zip(gained, lost, strict=True))


def _even(gained: int, lost: int) -> float:
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
