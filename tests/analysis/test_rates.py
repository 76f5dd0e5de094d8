"""How often tests reject and intervals cover, counted over simulated studies.

Each test prints its rates (``pytest -s``). A rate must lie where 998 of 1,000 such counts do if
the rate is as stated.
"""

from collections import Counter

import pytest
from scipy.stats import binom

from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison.estimates import over_seeds
from ferlab.analysis.comparison.paired import difference, mcnemar
from ferlab.analysis.comparison.scores import arm_scores
from tests.analysis.simulated import Truth

pytestmark = pytest.mark.slow

METRICS: tuple[Metric, ...] = ("accuracy", "f1")


def told(what: str, truth: Truth, count: int, of: int) -> float:
    """Print a rate, and return it."""
    shape = f"{truth.seeds:2} seeds {100 * truth.seed_spread:.1f} points apart, "
    shape += f"views {truth.view:.1f} apart, {truth.images:,} images"
    print(f"  {shape}: {what} {count / of:6.1%} of {of:,}")  # noqa: T201
    return count / of


def as_stated(count: int, of: int, rate: float = 0.05) -> bool:
    low, high = binom.interval(0.998, of, rate)
    return bool(low <= count <= high)


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize(
    ("view", "seed_spread"), [(0.0, 0.005), (0.5, 0.005), (1.0, 0.0), (0.5, 0.02)]
)
def test_without_a_difference_5_percent_of_studies_show_one(
    seeds: int, view: float, seed_spread: float
) -> None:
    truth, studies = Truth(seeds, seed_spread, view, classes=2), 700
    assert truth.difference("accuracy") == 0
    found = [difference(arm, base, "accuracy").estimate.p for base, arm in truth.studies(studies)]
    rejected = sum(p < 0.05 for p in found)
    told("primary test of accuracy rejects in", truth, rejected, studies)
    assert as_stated(rejected, studies)


@pytest.mark.parametrize(("view", "seed_spread"), [(0.0, 0.0), (0.5, 0.005), (1.0, 0.0)])
def test_with_3_seeds_no_more_than_5_percent_do(view: float, seed_spread: float) -> None:
    truth, studies = Truth(3, seed_spread, view, classes=2), 700
    found = [difference(arm, base, "accuracy").estimate.p for base, arm in truth.studies(studies)]
    rejected = sum(p < 0.05 for p in found)
    told("primary test of accuracy rejects in", truth, rejected, studies)
    assert rejected <= binom.ppf(0.999, studies, 0.05)


@pytest.mark.parametrize("gain", [0.0, 0.1])
@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_cover_the_difference_in_95_percent(seeds: int, gain: float) -> None:
    truth, studies, missed = Truth(seeds, gain=gain), 300, Counter[Metric]()
    for base, arm in truth.studies(studies, seed=1):
        for metric in METRICS:
            low, high = difference(arm, base, metric).estimate.interval()
            missed[metric] += not low <= truth.difference(metric) <= high
    for metric in METRICS:
        true = f"true difference {100 * truth.difference(metric):.2f} points"
        told(f"{true}, interval of {metric} covers in", truth, studies - missed[metric], studies)
        assert as_stated(missed[metric], studies)


def test_seeds_alone_take_luck_with_the_images_for_a_difference() -> None:
    """Why the primary test counts the images, too."""
    truth, studies, rejected = Truth(10, 0.0, view=1.0, classes=2), 300, 0
    for base, arm in truth.studies(studies, seed=3):
        rejected += over_seeds(arm_scores("accuracy", arm) - arm_scores("accuracy", base)).p < 0.05
    assert told("t test over seeds alone rejects in", truth, rejected, studies) > 0.2


@pytest.mark.parametrize("seed_spread", [0.0, 0.02])
def test_mcnemar_takes_luck_with_the_seed_for_a_difference(seed_spread: float) -> None:
    """Why one pair of runs settles nothing: 5 % only where all seeds are the same."""
    truth, studies = Truth(1, seed_spread, view=0.0, classes=2), 500
    pairs = [mcnemar(arm, base)[0] for base, arm in truth.studies(studies, seed=4)]
    rejected = sum(pair.p < 0.05 for pair in pairs)
    rate = told("McNemar's test of one pair rejects in", truth, rejected, studies)
    assert rate > 0.3 if seed_spread else as_stated(rejected, studies)
