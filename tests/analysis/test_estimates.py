import numpy as np
import pytest

from ferlab.analysis.comparison.curves import band
from ferlab.analysis.comparison.estimates import (
    MeanSquares,
    mean_squares,
    over_seeds,
    over_seeds_and_images,
)
from ferlab.errors import EvidenceError

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Hours of sleep gained, Student 1908, Biometrika 6:1-25, table of section IX."""


def test_over_seeds_as_published() -> None:
    """Student's own example; interval and p as in the help page of R's ``t.test``."""
    estimate = over_seeds(SLEEP)
    assert estimate.value == pytest.approx(1.58)
    assert estimate.value / estimate.error == pytest.approx(4.0621, abs=5e-5)
    assert estimate.df == 9
    assert estimate.p == pytest.approx(0.002833, abs=5e-7)
    assert estimate.interval() == pytest.approx((0.7001142, 2.4598858), abs=5e-8)


def test_over_seeds_and_images_as_published() -> None:
    """Five readers of 114 cases in two modalities (Van Dyke et al. 1993).

    Mean squares and results as the R package RJafroc 1.2.0 reports them for its dataset02, area
    under the Wilcoxon ROC, random readers and random cases. A table of differences has twice the
    mean squares of the interactions with two treatments.
    """
    squares = MeanSquares(-0.04380032, 5, 114, 0.12563498, 0.19969616, 0.07994320)
    estimate = squares.estimate
    assert estimate.error == pytest.approx(0.02075, abs=5e-6)
    assert estimate.df == pytest.approx(15.26, abs=5e-3)
    assert estimate.value / estimate.error == pytest.approx(-2.11, abs=5e-3)
    assert estimate.p == pytest.approx(0.0517, abs=5e-5)
    assert estimate.interval() == pytest.approx((-0.08796, 0.00036), abs=5e-6)


def test_one_arm_over_seeds_and_images_as_published() -> None:
    """The same study's first modality alone."""
    squares = MeanSquares(0.89703704, 5, 114, 0.35141967, 0.33629430, 0.06043607)
    estimate = squares.estimate
    assert estimate.error == pytest.approx(0.03317360, abs=5e-9)
    assert estimate.df == pytest.approx(12.74, abs=5e-3)
    assert estimate.interval() == pytest.approx((0.82522360, 0.96885048), abs=5e-8)


def test_mean_squares_are_those_of_a_two_way_table() -> None:
    """Snedecor's decomposition written out cell by cell."""
    values = np.random.default_rng(0).normal(size=(4, 6)) + np.arange(4)[:, None]
    mean, rows, columns = values.mean(), values.mean(axis=1), values.mean(axis=0)
    of_rows = sum(6 * (row - mean) ** 2 for row in rows) / 3
    of_columns = sum(4 * (column - mean) ** 2 for column in columns) / 5
    left = sum(
        (values[i, j] - rows[i] - columns[j] + mean) ** 2 for i in range(4) for j in range(6)
    )
    found = mean_squares(values)
    assert (found.value, found.seeds, found.images) == (pytest.approx(mean), 4, 6)
    assert (found.of_seeds, found.of_images, found.of_both) == pytest.approx(
        (of_rows, of_columns, left / 15)
    )
    assert over_seeds_and_images(values) == found.estimate


def test_images_that_add_nothing_leave_students_t() -> None:
    scores = np.array([0.61, 0.63, 0.62, 0.66])
    both, seeds = over_seeds_and_images(np.tile(scores[:, None], 50)), over_seeds(scores)
    assert (both.value, both.error, both.df) == pytest.approx((seeds.value, seeds.error, 3))


def test_seeds_that_agree_leave_the_images() -> None:
    """Then each image counts once, however often it was scored."""
    images = np.array([1.0, 0, 0, 1, 1, 1, 0, 1])
    estimate = over_seeds_and_images(np.tile(images, (5, 1)))
    assert estimate.df > 1e9
    assert estimate.error == pytest.approx(images.std(ddof=1) / 8**0.5)


def test_seeds_that_agree_by_luck_are_not_taken_for_certain() -> None:
    """Three seeds that each read another one of 32 images more: it may as well be none."""
    values = np.zeros((3, 32))
    values[[0, 1, 2], [4, 11, 23]] = 1
    found = mean_squares(values)
    assert found.of_seeds == pytest.approx(0)
    assert found.estimate.error == pytest.approx((found.of_both / 96) ** 0.5)
    assert found.estimate.df == 2
    assert found.estimate.p > 0.05


def test_few_seeds_that_happen_to_agree_have_few_degrees_of_freedom() -> None:
    """What rows and columns leave bounds them; where seeds differ more they are Hillis's."""
    assert MeanSquares(0.01, 3, 100, 1e-4, 0.12, 0.1).estimate.df == 2
    assert MeanSquares(0.01, 3, 100, 0.01, 0.3, 0.1).estimate.df == pytest.approx(2 * 2.1**2)
    assert MeanSquares(0.01, 3, 100, 0.2, 0.3, 0.1).estimate.df == pytest.approx(2 * 2**2)


def test_more_seeds_leave_what_the_images_add() -> None:
    found = MeanSquares(0.01, 5, 100, 0.02, 0.06, 0.02)
    assert found.estimate.error**2 == pytest.approx(0.06 / 500)
    assert found.variance(5) == pytest.approx(0.06 / 500)
    assert found.variance(20) == pytest.approx(0.02 / 2000 + 0.04 / 500)
    assert found.variance(float("inf")) == pytest.approx(0.04 / 500)


def test_no_difference_at_all_is_no_effect() -> None:
    estimate = over_seeds_and_images(np.zeros((3, 20)))
    assert (estimate.value, estimate.error, estimate.p) == (0, 0, 1)
    assert estimate.interval() == (0, 0)


@pytest.mark.parametrize(("scores", "listed"), [([0.61, 0.625], "0.6100, 0.6250"), ([], "none")])
def test_too_few_seeds_are_listed_instead(scores: list[float], listed: str) -> None:
    message = f"at least 3 seeds, there are {len(scores)}: {listed}"
    with pytest.raises(EvidenceError, match=message):
        over_seeds(np.array(scores))
    with pytest.raises(EvidenceError, match=message):
        over_seeds_and_images(np.tile(np.array(scores)[:, None], 4))


def test_a_band_is_students_interval_at_each_epoch_that_all_reached() -> None:
    curves = [[0.1, 0.4, 0.6], [0.2, 0.5], [0.3, 0.3, 0.7, 0.8]]
    found = band(curves)
    assert found.mean == pytest.approx([0.2, 0.4])
    for epoch in range(2):
        expected = over_seeds(np.array([curve[epoch] for curve in curves])).interval()
        assert (found.low[epoch], found.high[epoch]) == pytest.approx(expected)


@pytest.mark.parametrize("curves", [[], [[0.1], [0.2]], [[0.1], [0.2], []]])
def test_a_band_of_too_little_is_refused(curves: list[list[float]]) -> None:
    with pytest.raises(EvidenceError, match=f"at least 3 curves .* there are {len(curves)}"):
        band(curves)
