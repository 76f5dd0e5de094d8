import numpy as np
import pytest
from scipy.stats import binom

from ferlab.analysis.comparison import paired
from ferlab.analysis.comparison.estimates import over_seeds
from ferlab.analysis.comparison.scores import arm_scores
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.errors import EvidenceError
from tests.analysis.simulated import Truth

ZEA_MAYS = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)
"""Darwin's crossed less self-fertilised plants, in eighths of an inch (Fisher 1935, section 17)."""


def pair(
    both: int, arm_only: int, baseline_only: int, neither: int
) -> tuple[SeededPredictions, SeededPredictions]:
    """Two arms of one seed with so many images read correctly by whom."""
    right = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, arm_only, baseline_only, neither], 0)
    n = len(right)
    names, labels = np.array([f"{i}.png" for i in range(n)]), np.zeros(n, int)
    arms = [
        SeededPredictions(name, (1,), ("right", "wrong"), names, labels, 1 - right[None, :, i])
        for i, name in enumerate(("arm", "baseline"))
    ]
    return arms[0], arms[1]


def test_mcnemar_as_published_for_few_images() -> None:
    """Fay 2010, R Journal 2(1):53-58, and its package's vignette: b = 2, c = 9."""
    (found,) = paired.mcnemar(*pair(21, 9, 2, 12))
    assert (found.gained, found.lost) == (9, 2)
    assert found.p == pytest.approx(0.06543, abs=5e-6)


def test_mcnemar_as_published_for_many_images() -> None:
    """Agresti 1990, Categorical Data Analysis, p. 350: approval ratings, z = -4.17 for 86, 150."""
    (found,) = paired.mcnemar(*pair(794, 86, 150, 570))
    assert (found.gained, found.lost) == (86, 150)
    assert found.p < 0.0001


def test_mcnemar_of_the_same_predictions() -> None:
    (found,) = paired.mcnemar(*pair(5, 0, 0, 5))
    assert (found.gained, found.lost, found.p) == (0, 0, 1)


def test_sign_flip_as_published() -> None:
    """Fisher 1935, section 21: 863 of 32,768 ways in each tail; the t test gives 0.0497."""
    assert paired.sign_flip(ZEA_MAYS) == pytest.approx(2 * 863 / 32768)
    assert over_seeds(ZEA_MAYS).p == pytest.approx(0.0497, abs=5e-5)


def test_sign_flip_of_five_seeds_cannot_be_below_one_in_sixteen() -> None:
    assert paired.sign_flip(np.array([0.01, 0.02, 0.03, 0.02, 0.01])) == 2 / 32


def test_sign_flip_of_many_seeds_is_drawn() -> None:
    """32 differences of one size and 8 of half of it: their signs are two binomials."""
    differences = np.tile([1.0, 1.0, 1.0, -1.0, -0.5], 8)
    whole, half = binom.pmf(np.arange(33), 32, 0.5), binom.pmf(np.arange(9), 8, 0.5)
    sums = 2 * np.arange(33)[:, None] - 32 + 0.5 * (2 * np.arange(9) - 8)
    exact = np.outer(whole, half)[abs(sums) >= differences.sum()].sum()
    p = paired.sign_flip(differences)
    assert p == pytest.approx(exact, abs=0.003)
    assert p == paired.sign_flip(differences)


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_the_difference_is_that_of_the_mean_scores(metric: paired.Metric) -> None:
    baseline, arm = next(Truth(5, gain=0.2).studies(1))
    found = paired.difference(arm, baseline, metric)
    scores = arm_scores(metric, arm), arm_scores(metric, baseline)
    assert found.value == pytest.approx(np.mean(scores[0] - scores[1]))
    mirrored = paired.difference(baseline, arm, metric)
    assert (mirrored.value, mirrored.of_seeds) == pytest.approx((-found.value, found.of_seeds))


def test_too_few_seeds_are_refused_with_every_run() -> None:
    baseline, arm = next(Truth(2, classes=2, images=100).studies(1))
    listed = "; ".join(
        f"'{one.name}' has 2, seed 0 {scores[0]:.4f}, seed 1 {scores[1]:.4f}"
        for one in (arm, baseline)
        for scores in [arm_scores("accuracy", one)]
    )
    with pytest.raises(EvidenceError, match=f"at least 3 seeds: {listed}"):
        paired.difference(arm, baseline, "accuracy")
