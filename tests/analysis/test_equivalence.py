"""Intervals that show equality: their coverage, and what they know of few images and seeds."""

from math import comb

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from ferlab.analysis.equivalence import mean_interval, paired_interval


def test_where_no_image_differs_the_interval_is_that_of_none_among_n() -> None:
    for n in (13, 3589):
        half = 1.6448536**2 / (n + 1.6448536**2)
        assert paired_interval(0, 0, n) == pytest.approx((-half, half))


@pytest.mark.parametrize(("gained", "lost", "n"), [(9, 3, 40), (0, 5, 50), (180, 150, 3589)])
def test_its_ends_are_where_the_score_test_rejects(gained: int, lost: int, n: int) -> None:
    """The score test with the likelihood maximised by search instead of by formula."""
    for end in paired_interval(gained, lost, n):

        def unlikely(share: float, end: float = end) -> float:
            counts = np.array([gained, lost, n - gained - lost])
            shares = np.array([share + end, share, 1 - 2 * share - end])
            return -float(counts @ np.log(np.maximum(shares, 1e-300)))

        found = minimize_scalar(
            unlikely, bounds=(max(0, -end), (1 - end) / 2), method="bounded",
            options={"xatol": 1e-12},
        )  # fmt: skip
        variance = (2 * found.x + end - end**2) / n
        z = ((gained - lost) / n - end) / variance**0.5
        assert abs(z) == pytest.approx(1.6448536, abs=1e-3)


def test_to_gain_is_to_lose_seen_from_the_other_side() -> None:
    low, high = paired_interval(12, 2, 50)
    assert paired_interval(2, 12, 50) == pytest.approx((-high, -low))
    assert paired_interval(13, 0, 13)[1] == 1.0
    assert paired_interval(0, 13, 13)[0] == -1.0


@pytest.mark.parametrize(("gain", "loss"), [(0.1, 0.1), (0.2, 0.1), (0.02, 0.02), (0.0, 0.0)])
def test_it_covers_the_truth_in_nine_of_ten(gain: float, loss: float) -> None:
    """Counted over every outcome of 40 images."""
    n, covered = 40, 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            rest = (1 - gain - loss) ** (n - gained - lost)
            chance = comb(n, gained) * comb(n - gained, lost) * gain**gained * loss**lost * rest
            if chance > 1e-7:
                low, high = paired_interval(gained, lost, n)
                covered += chance * (low <= gain - loss <= high)
    assert covered > 0.885


def test_seeds_that_agree_do_not_make_few_images_many() -> None:
    turned = np.zeros((5, 13), np.int8)
    assert mean_interval(turned) == pytest.approx(paired_interval(0, 0, 13))


def test_seeds_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    turned = rng.choice(np.array([-1, 0, 1], np.int8), (10, 3589), p=(0.05, 0.9, 0.05))
    low, high = mean_interval(turned)
    alone = paired_interval(int((turned[0] > 0).sum()), int((turned[0] < 0).sum()), 3589)
    assert low < turned.mean() < high
    assert high - low < (alone[1] - alone[0]) / 2
