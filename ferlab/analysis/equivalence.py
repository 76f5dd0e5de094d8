"""By how much two readings of the same images may differ in accuracy, so that equality is shown.

That no difference was found is no evidence of none; an interval inside a margin is (two one-sided
tests at 5 % each: Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657-680).
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ferlab.analysis.comparison.estimates import over_seeds_and_images

LEVEL = 0.90
"""Of the intervals: inside a margin at this level, equality is shown at 5 %."""

Interval = tuple[float, float]
"""Lowest and highest plausible difference, as shares of the images."""


def paired_interval(gained: int, lost: int, images: int, level: float = LEVEL) -> Interval:
    """The difference in accuracy of two classifiers on the same images: Tango's score interval.

    After Tango (1998, Statistics in Medicine 17:891-908). It knows that images which came out alike
    could have been others: where none of n differs it is still about ``z ** 2 / n`` wide each way.

    Args:
        gained: images that only the second reads correctly.
        lost: images that only the first reads correctly.
        images: all of them, at least one.
        level: of confidence.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)

    def score(difference: float) -> float:
        return _score(difference, gained, lost, images)

    edge = 1 - 1e-9
    low = -1.0 if score(-edge) < z else float(brentq(lambda d: score(d) - z, -edge, edge))
    high = 1.0 if score(edge) > -z else float(brentq(lambda d: score(d) + z, -edge, edge))
    return low, high


def mean_interval(turned: npt.NDArray[np.int8], level: float = LEVEL) -> Interval:
    """The mean difference in accuracy over several seeds, on other seeds and images as well.

    Args:
        turned: 1 where only the second run of a seed reads an image correctly, -1 where only the
            first does, else 0; shape (seeds, images).
        level: of confidence.

    Raises:
        EvidenceError: there are fewer than 3 seeds.
    """
    estimate = over_seeds_and_images(turned.astype(float))
    low, high = estimate.interval(level)
    least, most = paired_interval(0, 0, turned.shape[1], level)  # though nothing differed at all
    return min(low, estimate.value + least), max(high, estimate.value + most)


def _score(difference: float, gained: int, lost: int, images: int) -> float:
    """Standardised distance of the observed difference from one supposed to be true.

    Its variance is by maximum likelihood under the supposition: ``share`` is that of ``lost``.
    """
    a = 2 * images
    b = -gained - lost + (2 * images - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    share = ((max(b * b - 4 * a * c, 0.0)) ** 0.5 - b) / (2 * a)
    variance = images * (2 * share + difference * (1 - difference))
    distance = gained - lost - images * difference
    return distance / variance**0.5 if variance > 0 else float(np.sign(distance)) * np.inf
