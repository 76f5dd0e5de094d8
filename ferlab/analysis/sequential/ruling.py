"""What a look settles for each arm, by rules that were fixed before."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scipy.stats import norm

from ferlab.analysis.comparison.estimates import Estimate, MeanSquares
from ferlab.analysis.comparison.verdict import Verdict, judge
from ferlab.analysis.sequential.plan import LookPlan

Arm = TypeVar("Arm", bound=Hashable)

_FUTILE = 0.2
"""Conditional power below which more seeds are not worth their training."""


@dataclass(frozen=True)
class Ruling:
    """What a look came to for one arm.

    Attributes:
        estimate: by how much the arm's accuracy is higher than the baseline's.
        level: bound of its p at this look; its repeated interval holds the truth at all looks
            together as often as the plan says (Jennison & Turnbull 1989, Journal of the Royal
            Statistical Society B 51:305-361).
        verdict: None where more seeds are to be trained.
        power: how often the rest of the plan would call the arm if the true difference were the
            one that would matter, in the direction of the estimate; None where a verdict came
            before it was asked.
        needs_images: whether no number of seeds could settle it on so few images.
    """

    estimate: Estimate
    level: float
    verdict: Verdict | None
    power: float | None = None
    needs_images: bool = False

    @property
    def interval(self) -> tuple[float, float]:
        """The repeated interval of the difference."""
        return self.estimate.interval(1 - self.level)


def rule(
    plan: LookPlan, look: int, found: Mapping[Arm, MeanSquares], uncalled: int
) -> dict[Arm, Ruling]:
    """Judge the arms that no look has settled yet.

    In this order: an arm whose p is below the bound is called better or worse, the smallest p
    first, and the bound rises for the others. One whose repeated interval lies within the
    difference that matters is called no different. One that the rest of the plan would hardly call
    is given up. After the last look what is left is not settled.

    Args:
        plan: of the comparison.
        look: which one it is, from 1.
        found: differences of the arms to the baseline, on all seeds so far, by name, or
            by whatever tells them apart.
        uncalled: how many arms no look has called better or worse, settled otherwise or not.
    """
    rulings: dict[Arm, Ruling] = {}
    for arm in sorted(found, key=lambda arm: found[arm].estimate.p):
        levels, squares = plan.levels(uncalled), found[arm]
        level = levels[look - 1]
        verdict = judge(squares.estimate, level, plan.worth)
        uncalled -= verdict in (Verdict.BETTER, Verdict.WORSE)
        if verdict is not None:
            rulings[arm] = Ruling(squares.estimate, level, verdict)
        elif look == len(plan.looks):
            rulings[arm] = Ruling(squares.estimate, level, Verdict.UNSETTLED)
        else:
            rulings[arm] = _go_on(plan, squares, level, levels[-1])
    return {arm: rulings[arm] for arm in found}


def _go_on(plan: LookPlan, squares: MeanSquares, level: float, last: float) -> Ruling:
    """Whether more seeds are worth their training, for an arm that could be called either way.

    Args:
        plan: of the comparison.
        squares: of the arm's difference.
        level: bound of p at this look.
        last: bound of p at the last one.
    """
    critical = float(norm.isf(last / 2))
    power = conditional_power(squares, plan.most, critical, plan.worth)
    estimate, then = squares.estimate, squares.variance(plan.most) ** 0.5
    if power >= _FUTILE or abs(estimate.value) + critical * then < plan.worth:
        return Ruling(estimate, level, None, power)
    needs_images = critical * squares.variance(math.inf) ** 0.5 >= plan.worth
    return Ruling(estimate, level, Verdict.FUTILE, power, needs_images)


def conditional_power(
    squares: MeanSquares, seeds: int, critical: float, difference: float
) -> float:
    """How often a difference will be called with more seeds, by what is known with these.

    The estimate so far, and a drift of the true difference from here on (Jennison & Turnbull 2000,
    Group Sequential Methods, chapter 10). Images do not become more, so that what they add to the
    error stays.

    Args:
        squares: what is known.
        seeds: in the end.
        critical: standard errors from zero at which it is called then.
        difference: the true one, in the direction of the estimate.
    """
    estimate = squares.estimate
    now, end = 1 / estimate.error**2, 1 / squares.variance(seeds)
    z = abs(estimate.value) / estimate.error
    if now >= end:  # seeds have added nothing
        return float(z > critical)
    drifted = z * (now / end) ** 0.5 + difference * (end - now) / end**0.5
    return float(norm.sf((critical - drifted) / (1 - now / end) ** 0.5))
