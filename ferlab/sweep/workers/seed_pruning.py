"""When a point is stopped between its seeds: clearly behind, or in the worse half."""

import math
from collections.abc import Sequence

import numpy as np

from ferlab.study.table import residual
from ferlab.text import pluralize

_FREEDOM = 4
"""Degrees of freedom below which the spread between seeds is not known well enough."""

_SIGMAS = 2.0


def behind(mine: Sequence[float], others: Sequence[Sequence[float]], minimised: bool) -> str | None:
    """Why a point need not be trained under its other seeds; None if it should be.

    It is stopped when its mean is worse than the best complete point's, over the same seeds, by
    more than two standard errors of such a difference.

    Args:
        mine: its scores so far, in the order of the seeds.
        others: the scores of the complete points, each under all seeds.
        minimised: whether less is better.
    """
    spread = residual(others)
    if spread is None or spread.freedom < _FREEDOM:
        return None
    sign = -1 if minimised else 1
    k = len(mine)
    best = max(others, key=lambda scores: sign * float(np.mean(scores)))
    lead = sign * (float(np.mean(best[:k])) - float(np.mean(mine)))
    margin = _SIGMAS * spread.deviation * math.sqrt(2 / k)
    if lead <= margin:
        return None
    return (
        f"after seed {k} of {len(best)}: {np.mean(mine):.4f}, worse than the best "
        f"({np.mean(best[:k]):.4f}) by more than {margin:.4f}, two standard errors"
    )


def in_worse_half(
    mine: Sequence[float], others: Sequence[Sequence[float]], minimised: bool
) -> str | None:
    """Why a point is not among the better half of its rung; None if it is, or there is no rung.

    Successive halving without a barrier (Li et al. 2020, A System for Massively Parallel
    Hyperparameter Tuning, MLSys) over seeds: after 1, 2, 4 and so on of them, those points go on
    whose mean is among the better half of all that have had as many.

    Args:
        mine: its scores so far, in the order of the seeds.
        others: the scores of the other points, however many each has.
        minimised: whether less is better.
    """
    k = len(mine)
    if k & (k - 1):  # not 1, 2, 4...
        return None
    sign = -1 if minimised else 1
    means = [sign * float(np.mean(scores[:k])) for scores in others if len(scores) >= k]
    mean = sign * float(np.mean(mine))
    better, rung = sum(other > mean for other in means), len(means) + 1
    if better < (rung + 1) // 2:
        return None
    seeds = pluralize(k, "seed")
    return (
        f"after {seeds}: {sign * mean:.4f}, behind {better} of {rung - 1} others that had as many"
    )
