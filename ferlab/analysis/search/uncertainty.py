"""How much of a difference between trials may be chance."""

import math
from functools import cache
from statistics import NormalDist

from scipy import stats

from ferlab.study.chance import largest
from ferlab.study.objectives import is_exact
from ferlab.study.table import StudyTable, TrialRow, value_of


def interval(accuracy: float, images: int) -> tuple[float, float]:
    """The 95 % interval of one accuracy under sampling of the images (Wilson 1927)."""
    hits = round(accuracy * images)
    low, high = stats.binomtest(hits, images).proportion_ci(method="wilson")
    return float(low), float(high)


def needed(table: StudyTable, one: TrialRow, other: TrialRow, among: int = 1) -> float | None:
    """The smallest gap at which two trials, chosen before they were scored, differ at 95 %.

    Where seeds were repeated it is that of a t test with what trials and seeds leave of all scores:
    it speaks of these images. Else, of accuracies, it is that of two independent samples of images;
    that the same ones stand behind both is not used, which is on the safe side.

    Args:
        table: the study that both trials are in.
        one: one of the trials.
        other: the other one.
        among: number of differences of which theirs is the largest (Bonferroni).

    Returns:
        The gap in the first objective; None where the noise is not known.
    """
    spread, objective = table.between_seeds, table.objectives[0]
    if is_exact(objective):
        return 0.0
    level = 1 - 0.025 / among
    if spread is not None:
        seeds = 1 / max(1, len(one.replicates)) + 1 / max(1, len(other.replicates))
        return _quantile(level, spread.freedom) * spread.deviation * math.sqrt(seeds)
    if objective == "val/accuracy" and table.images:
        variance = sum(value_of(row) * (1 - value_of(row)) for row in (one, other))
        return NormalDist().inv_cdf(level) * math.sqrt(variance / table.images)
    return None


@cache  # it is asked for once a trial
def _quantile(level: float, freedom: int) -> float:
    """Of Student's t."""
    return float(stats.t.ppf(level, freedom))


def deviation(table: StudyTable, score: float) -> float:
    """The standard deviation of one run's first objective, against that of other trials.

    That of seeds where it is known; else, of an accuracy, that of the sampling of images; else 0.

    Args:
        table: the study.
        score: of the run.
    """
    spread, objective = table.between_seeds, table.objectives[0]
    if is_exact(objective):
        return 0.0
    if spread is not None:
        return spread.deviation
    if objective == "val/accuracy" and table.images:
        return math.sqrt(score * (1 - score) / table.images)
    return 0.0


def margin(table: StudyTable) -> float | None:
    """The gap to the best that is within chance: `needed` by a trial that scores as it does.

    None where nothing is complete or the noise is not known.
    """
    return None if table.best is None else needed(table, table.best, table.best)


def half_width(table: StudyTable, row: TrialRow) -> float:
    """Half the 95 % interval of a trial's mean over its seeds, against other trials.

    NaN where the scatter of seeds is not known.
    """
    spread = table.between_seeds
    if spread is None:
        return math.nan
    return (
        _quantile(0.975, spread.freedom) * spread.deviation / math.sqrt(max(1, len(row.replicates)))
    )


def ahead(table: StudyTable, one: TrialRow, other: TrialRow) -> float:
    """By how much ``one`` is better than ``other`` in the first objective."""
    return table.costs(other)[0] - table.costs(one)[0]


def luck(table: StudyTable) -> float | None:
    """The expected lead of the best over the mean if all complete trials were equally good.

    It is the mean of the largest of so many normal draws.

    Returns:
        The lead in the first objective; None where no seeds were repeated.
    """
    spread, best, trials = table.between_seeds, table.best, len(table.kept)
    if spread is None or best is None or trials < 2:
        return None
    deviation = spread.deviation / math.sqrt(max(1, len(best.replicates)))
    return deviation * largest(trials)
