"""Bounds of repeated looks as published, and what a look settles."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from ferlab.analysis.comparison.estimates import MeanSquares
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.bounds import critical_values
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import conditional_power, rule
from ferlab.errors import EvidenceError

QUARTERS = [0.25, 0.5, 0.75, 1.0]
PLAN = LookPlan((5, 10, 15, 20))
IMAGES = 3589


def known(value: float, error: float, seeds: int = 5) -> MeanSquares:
    """A difference whose error comes from the seeds alone, and shrinks with them."""
    of_seeds = error**2 * seeds * IMAGES
    return MeanSquares(value, seeds, IMAGES, of_seeds, 0.0, 0.0)


def test_bounds_as_published() -> None:
    """Four looks, two-sided 5 %, of the types of O'Brien & Fleming and of Pocock (Lan & DeMets)."""
    information = np.array(QUARTERS)
    o_brien_fleming = 4 * norm.sf(norm.isf(0.0125) / information**0.5)
    pocock = 0.05 * np.log(1 + (math.e - 1) * information)
    for spent, published in (
        (o_brien_fleming, [4.333, 2.963, 2.359, 2.014]),
        (pocock, [2.368, 2.368, 2.358, 2.350]),
    ):
        assert critical_values(QUARTERS, spent) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("arms", "levels"),
    [
        (1, [0.01250, 0.01608, 0.02030, 0.02478]),
        (2, [0.00625, 0.00775, 0.00957, 0.01150]),
        (3, [0.00417, 0.00507, 0.00619, 0.00738]),
        (5, [0.00250, 0.00298, 0.00359, 0.00424]),
    ],
)
def test_levels_that_spend_in_proportion_to_seeds(arms: int, levels: list[float]) -> None:
    assert PLAN.levels(arms) == pytest.approx(levels, abs=5.1e-6)


def test_a_plan_of_one_look_is_holms_test() -> None:
    assert LookPlan((10,)).levels(4) == pytest.approx([0.0125])
    found = {f"arm {i}": known(d, 0.004, 10) for i, d in enumerate((0.02, 0.011, 0.0, 0.001))}
    rulings = rule(LookPlan((10,)), 1, found, 4)
    assert [ruling.level for ruling in rulings.values()] == pytest.approx([0.0125, *[0.05 / 3] * 3])
    assert [ruling.verdict for ruling in rulings.values()][:2] == ["better", "not settled"]


def test_many_looks_together_cross_as_often_as_is_spent() -> None:
    """A Brownian motion of 20,000 paths, looked at 16 times."""
    plan, rng = LookPlan(tuple(range(5, 21))), np.random.default_rng(0)
    steps = np.sqrt(np.diff([0, *plan.looks]))
    z = np.cumsum(steps * rng.standard_normal((20_000, 16)), axis=1) / np.sqrt(plan.looks)
    crossed = abs(z) > norm.isf(np.array(plan.levels(1)) / 2)
    assert crossed.any(axis=1).mean() == pytest.approx(0.05, abs=0.005)
    assert crossed[:, 0].mean() == pytest.approx(0.0125, abs=0.0025)


@pytest.mark.parametrize(
    ("value", "error", "look", "verdict"),
    [
        (0.03, 0.004, 1, Verdict.BETTER),
        (-0.03, 0.004, 1, Verdict.WORSE),
        (0.003, 0.001, 1, Verdict.NO_DIFFERENCE),
        (0.009, 0.001, 1, Verdict.BETTER),  # that it is there is certain, that it matters is not
        (0.003, 0.006, 1, None),
        (0.0, 0.008, 3, Verdict.FUTILE),
        (0.003, 0.006, 4, Verdict.UNSETTLED),
    ],
)
def test_the_rules(value: float, error: float, look: int, verdict: Verdict | None) -> None:
    found = {"arm": known(value, error, PLAN.looks[look - 1])}
    ruling = rule(PLAN, look, found, 1)["arm"]
    assert ruling.verdict is verdict
    assert ruling.level == PLAN.levels(1)[look - 1]
    low, high = ruling.interval
    assert (low > 0 or high < 0) is (verdict in (Verdict.BETTER, Verdict.WORSE))
    assert (-0.01 < low < 0 < high < 0.01) is (verdict is Verdict.NO_DIFFERENCE)


def test_an_arm_that_is_called_leaves_its_level_to_the_others() -> None:
    second = known(0.015, 0.005, 10)
    assert PLAN.levels(2)[1] < second.estimate.p < PLAN.levels(1)[1]
    found = {"second": second, "first": known(0.05, 0.005, 10)}
    both = rule(PLAN, 2, found, 2)
    assert list(both) == ["second", "first"]
    assert both["first"].level == PLAN.levels(2)[1]
    assert both["second"].level == PLAN.levels(1)[1]
    assert both["second"].verdict is Verdict.BETTER
    alone = rule(PLAN, 2, {"second": second}, 2)["second"]  # the other is settled, but not called
    assert alone.verdict is None
    assert rule(PLAN, 2, {"second": second}, 1)["second"].verdict is Verdict.BETTER


def test_conditional_power_is_what_the_rest_of_the_plan_gives() -> None:
    """Twenty seeds drawn on after ten, with the true difference that would matter."""
    rng, spread, value = np.random.default_rng(0), 0.02, 0.002
    now = known(value, spread / 10**0.5, 10)
    later = rng.normal(0.01, spread / 10**0.5, 100_000)
    z = (10 * value + 10 * later) / 20 / (spread / 20**0.5)
    found = conditional_power(now, 20, 2.0, 0.01)
    assert found == pytest.approx((z > 2).mean(), abs=0.005)
    mirrored = conditional_power(replace(now, value=-value), 20, 2.0, 0.01)
    assert mirrored == found


def test_what_images_leave_open_no_seeds_settle() -> None:
    """Their part of the error stays; where it is small, futile says nothing of images."""
    few_images = MeanSquares(0.0, 5, 100, 0.02, 0.2, 0.02)
    assert few_images.variance(math.inf) == pytest.approx(0.18 / 500)
    ruling = rule(PLAN, 1, {"arm": few_images}, 1)["arm"]
    assert (ruling.verdict, ruling.needs_images) == (Verdict.FUTILE, True)
    ruling = rule(PLAN, 3, {"arm": known(0.0, 0.008, 15)}, 1)["arm"]
    assert (ruling.verdict, ruling.needs_images) == (Verdict.FUTILE, False)


def test_what_more_seeds_could_show_to_make_no_difference_is_not_given_up() -> None:
    """Hardly ever to be called better, but on its way to within a point."""
    ruling = rule(PLAN, 3, {"arm": known(0.0, 0.0047, 15)}, 1)["arm"]
    assert ruling.verdict is None
    assert ruling.power is not None
    assert ruling.power < 0.2


@pytest.mark.parametrize(
    ("looks", "worth", "message"),
    [
        ((), 0.01, "must increase"),
        ((5, 5), 0.01, "--looks 5,5: seeds at each look must increase"),
        ((10, 5), 0.01, "must increase"),
        ((3, 5), 0.01, "--looks 3,5: there is no verdict below 5 seeds"),
        ((5,), 0.0, "--worth 0: points of accuracy are more than 0, less than 100"),
        ((5,), 1.0, "--worth 100"),
    ],
)
def test_a_plan_that_is_none_is_told(looks: tuple[int, ...], worth: float, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        LookPlan(looks, worth)
