"""How far chance alone moves the scores of a search."""

import math
from statistics import NormalDist

from scipy import stats


def foreseen(accuracy: float, images: int, seeds: int, trials: int) -> tuple[float, float]:
    """What a search will be able to tell, reckoned before it begins.

    Chance is taken to move the accuracy of a run as it would if the images were drawn anew: on
    the test split of FER2013 that is 0.8 points, where seeds alone moved it by 0.5 (the ten runs
    without attention in ``experiments/se_placement_cpu``).

    Args:
        accuracy: about what the runs will reach.
        images: on which each is scored.
        seeds: of each trial.
        trials: in all.

    Returns:
        The difference of two trials, chosen beforehand, that four of five such searches find at
        95 %; and by how much the luckiest of so many equally good trials looks better than it is.
    """
    deviation = math.sqrt(accuracy * (1 - accuracy) / images / seeds)
    normal = NormalDist()
    difference = (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) * math.sqrt(2) * deviation
    return difference, deviation * largest(trials)


def foreseen_paired(parted: float, images: int, seeds: int, level: float) -> float:
    """The difference of two configurations that four of five comparisons over common seeds find.

    Two runs of one seed differ by chance as far as the images on which just one of them is right
    do (McNemar); over seeds that averages out.

    Args:
        parted: share of such images.
        images: on which each run is scored.
        seeds: of each configuration.
        level: bound of p.
    """
    normal, deviation = NormalDist(), math.sqrt(parted / images / seeds)
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(0.8)) * deviation


def largest(draws: int) -> float:
    """The expected largest of so many normal draws."""
    return float(stats.order_statistic(stats.Normal(), n=draws, r=draws).mean())
