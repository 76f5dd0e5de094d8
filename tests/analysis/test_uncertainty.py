"""How much of a difference between trials may be chance: checked by simulation and by tables."""

import math
import random
import statistics

import numpy as np
import pytest

from ferlab.analysis.search import uncertainty
from ferlab.study.table import StudyTable, between_seeds
from tests.fake_studies import row, table


def simulated(rng: random.Random, trials: int, replicates: int, images: int = 3589) -> StudyTable:
    """Trials that are all equally good."""
    rows = []
    for i in range(trials):
        scores = tuple(rng.gauss(0.6, 0.01) for _ in range(replicates))
        if replicates == 1:
            scores = (float(np.random.default_rng(rng.getrandbits(32)).binomial(images, 0.6)),)
            scores = (scores[0] / images,)
        rows.append(row(i, statistics.mean(scores), replicates=scores))
    return table(*rows, images=images, replicates=replicates)


@pytest.mark.parametrize("replicates", [1, 3])
def test_a_pair_of_equals_stands_out_in_one_of_twenty_studies(replicates: int) -> None:
    rng = random.Random(0)
    hits = 0
    for _ in range(600):
        made = simulated(rng, 4, replicates)
        one, other = made.rows[:2]
        gap = abs(uncertainty.ahead(made, one, other))
        hits += gap > (uncertainty.needed(made, one, other) or 0)
    assert 12 <= hits <= 48  # 30 +- 3.4 standard deviations


def test_the_best_of_many_equals_seldom_stands_out() -> None:
    rng = random.Random(1)
    plainly, corrected = 0, 0
    for _ in range(300):
        made = simulated(rng, 21, 3)
        base, placed = made.rows[0], table(*made.rows[1:]).best
        assert placed is not None
        gap = uncertainty.ahead(made, placed, base)
        plainly += gap > (uncertainty.needed(made, placed, base) or 0)
        corrected += gap > (uncertainty.needed(made, placed, base, 20) or 0)
    assert corrected <= 15
    assert plainly > 50  # this is why


def test_the_lead_of_the_luckiest_is_what_simulation_gives() -> None:
    rng = random.Random(2)
    leads, expected = [], []
    for _ in range(400):
        made = simulated(rng, 16, 3)
        values = [(one.values or (0,))[0] for one in made.rows]
        leads.append(max(values) - statistics.mean(values))
        expected.append(uncertainty.luck(made) or 0)
    assert statistics.mean(expected) == pytest.approx(statistics.mean(leads), rel=0.05)


def test_the_lead_of_the_luckier_of_two_is_known_exactly() -> None:
    """The mean of the larger of two normal draws is 1 / sqrt(pi) of their deviation."""
    made = simulated(random.Random(3), 2, 1)
    assert uncertainty.luck(made) is None  # nothing says how large the deviation is
    made = simulated(random.Random(3), 2, 4)
    spread = between_seeds(made.rows)
    assert spread is not None
    assert uncertainty.luck(made) == pytest.approx(spread.deviation / 2 / math.sqrt(math.pi))


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_one_score_is_wilsons(
    correct: int, images: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    assert uncertainty.interval(correct / images, images) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_mean_is_students_with_what_trials_and_seeds_leave() -> None:
    """A Latin square: squares of 6e-4 with 4 degrees of freedom, t(0.975, 4) = 2.7764."""
    apart = [(0.59, 0.6, 0.61), (0.5, 0.51, 0.49), (0.41, 0.39, 0.4)]
    made = table(*(row(i, scores[1], replicates=scores) for i, scores in enumerate(apart)))
    assert uncertainty.half_width(made, made.rows[0]) == pytest.approx(
        2.7764 * 1.5e-4**0.5 / 3**0.5, 1e-4
    )
    assert math.isnan(uncertainty.half_width(table(row(0, 0.5)), row(0, 0.5)))


def test_counted_objectives_have_no_noise() -> None:
    exact = table(row(0, 500e3), row(1, 600e3), objectives=("parameters",), minimised=(True,))
    assert uncertainty.needed(exact, *exact.rows) == 0


def test_the_margin_is_what_a_trial_as_good_as_the_best_would_need() -> None:
    """Of two accuracies of 0.6 on 3,589 images: 1.96 sqrt(2 * 0.24 / 3589)."""
    assert uncertainty.margin(table(row(0, 0.6), row(1, 0.4))) == pytest.approx(0.02267, abs=1e-5)
    assert uncertainty.margin(table(row(0, 0.6), objectives=("val/f1",))) is None
    assert uncertainty.margin(table(row(0))) is None
