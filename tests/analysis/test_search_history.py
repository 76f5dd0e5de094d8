"""A search trial by trial, and epoch by epoch."""

import numpy as np
import pytest

from ferlab.analysis.search.curves import trial_curves
from ferlab.analysis.search.history import optimization_history
from tests.analysis.seen import words
from tests.fake_studies import row, table


def test_the_history_shows_each_state_and_the_best_so_far() -> None:
    figure = optimization_history(
        table(
            row(0, 0.5),
            row(1, 0.6, replicates=(0.58, 0.62)),
            row(2, state="pruned", epochs={1: 0.3, 2: 0.55}),
            row(3, state="failed"),
            row(4, 0.58),
            row(5, epochs={1: 0.57}),
        )
    )
    assert figure is not None
    (axes,) = figure.axes
    dots = {
        scatter.get_label(): np.asarray(scatter.get_offsets()).tolist()
        for scatter in axes.collections
    }
    assert dots["complete"] == [[0, 0.5], [4, 0.58]]
    assert dots["best"] == [[1, 0.6]]
    assert dots["pruned, last epoch"] == [[2, 0.55]]
    assert dots["running"] == [[5, 0.57]]
    assert dots["each seed"] == [[1, 0.58], [1, 0.62]]
    assert [x for x, _ in dots["failed"]] == [3]
    (line,) = axes.lines
    assert np.asarray(line.get_ydata()).tolist() == [0.5, 0.6, 0.6, 0.6]
    assert "best: trial 1, trial 1: 60.00 %; of 3 complete trials" in words(figure)


@pytest.mark.parametrize("less", [False, True])
def test_a_bad_trial_does_not_flatten_the_history(less: bool) -> None:
    good = [0.6 + 0.01 * i for i in range(8)]
    bad = 9.0 if less else -9.0
    objective = "val/loss" if less else "val/accuracy"
    rows = [row(i, value) for i, value in enumerate([*good, bad])]
    figure = optimization_history(table(*rows, objectives=(objective,), minimised=(less,)))
    assert figure is not None
    low, high = figure.axes[0].get_ylim()
    assert low < 0.6
    assert high > 0.67
    assert high - low < 0.2
    side = "above" if less else "below"
    assert f"; {side} the axis (triangles): 1" in words(figure)


def test_curves_of_pruned_trials_end_early() -> None:
    figure = trial_curves(
        table(
            row(0, 0.6, epochs={1: 0.4, 2: 0.5, 3: 0.6}),
            row(1, state="pruned", epochs={1: 0.3, 2: 0.31}),
            row(2),
            epochs=3,
        )
    )
    assert figure is not None
    lines = [np.asarray(line.get_xdata()).tolist() for line in figure.axes[0].lines]
    assert sorted(line for line in lines if len(line) > 1) == [[1, 2], [1, 2, 3], [1, 2, 3]]


def test_a_curve_that_went_astray_does_not_flatten_the_others() -> None:
    rows = [row(i, 1.0, epochs={e: 2 - e / 10 for e in range(1, 11)}) for i in range(9)]
    astray = row(9, 2.0, epochs={1: 2.0, 2: 1e6, 3: float("nan"), 4: float("inf")})
    losses = table(*rows, astray, objectives=("val/loss",), minimised=(True,))
    figure = trial_curves(losses)
    assert figure is not None
    assert figure.axes[0].get_ylim()[1] < 10


def test_of_very_many_curves_some_are_drawn_and_the_best_with_them() -> None:
    rows = [row(i, i / 1000, epochs={1: 0.1, 2: i / 1000}) for i in range(1000)]
    figure = trial_curves(table(*rows))
    assert figure is not None
    drawn = [line.get_ydata()[-1] for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert 300 < len(drawn) <= 401
    assert drawn[-1] == 0.999
    assert "1,000 trials, one of 3 drawn" in words(figure)
