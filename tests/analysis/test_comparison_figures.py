import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from ferlab.analysis.comparison import figures
from ferlab.analysis.comparison.compare import Comparison, compare
from ferlab.analysis.comparison.curves import Band, band
from ferlab.analysis.comparison.verdict import points
from ferlab.errors import EvidenceError
from tests.analysis.simulated import Truth

LONG = "squeeze-excitation with reduction 16 at stages 1, 2 and 3, after dropout, and $more_of^it"


@pytest.fixture(scope="module")
def comparisons() -> tuple[Comparison, ...]:
    baseline, *arms = next(Truth(3, gain=0.3).studies(1, arms=3))
    arms[1] = replace(arms[1], name=LONG)
    arms[2] = replace(baseline, name="again")
    return tuple(compare(arm, baseline, 0.0125, 0.01) for arm in arms)


def bands(count: int) -> dict[str, Band]:
    rng = np.random.default_rng(0)
    curves = rng.random((count, 3, 12)).cumsum(axis=2)
    return {f"{i} {LONG}": band(curve.tolist()) for i, curve in enumerate(curves)}


def texts(figure: Figure) -> list[str]:
    """Everything that is written in a figure, in no particular order."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def fits(figure: Figure) -> bool:
    """Whether nothing that is drawn crosses the figure's edge."""
    figure.savefig(io.BytesIO(), format="png")
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(min(drawn.x0, drawn.y0) >= 0 and drawn.x1 <= width and drawn.y1 <= height)


def test_forest_shows_each_difference_with_interval_and_p(
    comparisons: tuple[Comparison, ...],
) -> None:
    figure = figures.forest(comparisons, "f1")
    found = comparisons[0].f1
    low, high = found.interval
    shown = texts(figure)
    assert f"{points(found.estimate.value)}  ({points(low)} to {points(high)})" in shown
    assert "0.00  (0.00 to 0.00)" in shown
    assert "p = 1.000, 3 seeds" in shown
    assert "Difference in macro F1 to baseline" in shown
    assert any("repeated intervals" in " ".join(text.split()) for text in shown)
    assert fits(figure)


def test_paired_seeds_join_both_runs_of_each_seed(comparisons: tuple[Comparison, ...]) -> None:
    figure = figures.paired_seeds(comparisons[1])
    found = comparisons[1].accuracy
    lines = [list(line.get_ydata()) for line in figure.axes[0].lines if len(line.get_ydata()) == 2]
    assert lines == [list(pair) for pair in zip(found.baseline.runs, found.arm.runs, strict=True)]
    assert f"{found.arm.runs.mean():.1%}" in texts(figure)
    assert any("higher in 3 of 3" in text for text in texts(figure))
    assert fits(figure)


def test_confusion_difference_counts_images_and_recall(
    comparisons: tuple[Comparison, ...],
) -> None:
    figure = figures.confusion_difference(comparisons[1])
    happy = comparisons[1].confusion[3, 3]
    assert f"{happy:+.1f}" in texts(figure)
    recall = comparisons[1].recalls[3]
    assert recall is not None
    assert points(recall.value) in texts(figure)
    assert fits(figure)


def test_confusion_difference_of_the_same_predictions_and_an_absent_class(
    comparisons: tuple[Comparison, ...],
) -> None:
    recalls = (None, *comparisons[2].recalls[1:])
    figure = figures.confusion_difference(replace(comparisons[2], recalls=recalls))
    assert texts(figure).count("0") >= 49
    assert texts(figure).count("0.00") == 6
    assert fits(figure)


@pytest.mark.parametrize("count", [1, 7])
def test_curves_draw_a_band_for_each_arm(count: int) -> None:
    figure = figures.mean_curves(bands(count), "val/accuracy")
    (axes,) = figure.axes
    assert len(axes.lines) == len(axes.collections) == count
    assert fits(figure)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(EvidenceError, match="at least one comparison"):
        figures.forest([])
    with pytest.raises(EvidenceError, match="at least one arm"):
        figures.mean_curves({}, "val/accuracy")


def test_drawing_leaves_matplotlib_as_it_was(comparisons: tuple[Comparison, ...]) -> None:
    before = mpl.rcParams.copy()
    figures.forest(comparisons)
    figures.mean_curves(bands(2), "val/loss")
    assert mpl.rcParams.copy() == before
