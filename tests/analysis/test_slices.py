"""The score against each parameter alone, and all of them together."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ferlab.analysis.search import uncertainty
from ferlab.analysis.search.parallel import parallel_coordinates
from ferlab.analysis.search.slices import slices
from ferlab.study.params import Choices, Range
from tests.analysis.seen import words
from tests.fake_studies import learning_rates, optimizers, recipes, row, table


def panels(figure: Figure | None) -> dict[str, Axes]:
    """The panels of slices, by their parameter."""
    assert figure is not None
    return {panel.get_xlabel(): panel for panel in figure.axes[0].child_axes}


def dots(panel: Axes, label: str) -> list[list[float]]:
    """Where the marks of this label are."""
    found = [c for c in panel.collections if c.get_label() == label]
    return [place for c in found for place in np.asarray(c.get_offsets()).tolist()]


def test_a_number_is_drawn_on_the_scale_of_its_space() -> None:
    rates = (1e-4, 1e-3, 1e-2)
    rows = [row(i, 0.5 + i / 100, params={"lr": lr, "drop": lr}) for i, lr in enumerate(rates)]
    domains = {
        "lr": Range(1e-4, 1e-1, log=True, continuous=True),
        "drop": Range(0, 0.5, log=False, continuous=True),
    }
    found = panels(slices(table(*rows, domains=domains)))
    assert [panel.get_xscale() for panel in found.values()] == ["log", "linear"]
    for panel, low, high in ((found["lr"], 1e-4, 1e-1), (found["drop"], 0, 0.5)):
        assert dots(panel, "complete") == [[1e-4, 0.5], [1e-3, 0.51]]
        assert dots(panel, "best") == [[1e-2, 0.52]]
        left, right = panel.get_xlim()
        assert left < low
        assert right > high


@pytest.mark.parametrize(
    "values", [(32, 64, 128), ("sgd", "adamw"), (True, False, None), ("[1]", "[1,2]", "all")]
)
def test_choices_stand_in_the_order_of_the_space(values: tuple[int | str | None, ...]) -> None:
    rows = [row(i, 0.5 + i / 100, params={"a.b": v}) for i, v in enumerate(reversed(values))]
    (panel,) = panels(slices(table(*rows, domains={"a.b": Choices(values)}))).values()
    shown = [label.get_text() for label in panel.get_xticklabels()]
    assert shown == [str(v).lower() if isinstance(v, bool) else str(v) if v is not None else "null"
                     for v in values]  # fmt: skip
    places = [
        x for x, _ in sorted(dots(panel, "complete") + dots(panel, "best"), key=lambda d: d[1])
    ]
    assert places == list(reversed(range(len(values))))


def test_equal_choices_stand_side_by_side_around_their_mean() -> None:
    rows = [row(i, value, params={"a": "x"}) for i, value in enumerate((0.5, 0.52, 0.6))]
    rows.append(row(3, 0.4, params={"a": "y"}))
    (panel,) = panels(slices(table(*rows, domains={"a": Choices(("x", "y"))}))).values()
    marks = dots(panel, "complete") + dots(panel, "best")
    assert len({x for x, _ in marks}) == 4
    assert all(abs(x - round(x)) < 0.5 for x, _ in marks)
    bars = [
        line.vertices[0][1]
        for found in panel.collections
        if isinstance(found, LineCollection)
        for line in found.get_paths()
    ]
    assert bars == [pytest.approx(0.54), pytest.approx(0.4)]


def test_seeds_and_the_interval_of_their_mean_are_drawn() -> None:
    made = optimizers(replicates=3)
    panel = panels(slices(made))["optimizer"]
    assert len(dots(panel, "each seed")) == 3 * len(made.complete)
    (bars,) = (c for c in panel.collections if c.get_label() == "95 % interval")
    assert isinstance(bars, LineCollection)
    spans = [path.vertices[1][1] - path.vertices[0][1] for path in bars.get_paths()]
    half = uncertainty.half_width(made, made.complete[0])
    assert spans == [pytest.approx(2 * half)] * len(made.complete)
    assert dots(panels(slices(optimizers()))["optimizer"], "each seed") == []


def test_what_is_within_chance_of_the_best_lies_in_grey() -> None:
    rows = [row(i, value, params={"a": i}) for i, value in enumerate((0.6, 0.59, 0.5))]
    domains = {"a": Range(0, 2, log=False, continuous=False)}
    (panel,) = panels(slices(table(*rows, domains=domains))).values()
    (grey,) = (p for p in panel.patches if p.get_label() == "within chance of the best")
    box = grey.get_extents().transformed(panel.transData.inverted())
    assert (box.y0, box.y1) == (pytest.approx(0.6 - 0.02267, abs=1e-4), pytest.approx(0.6))
    unknown = table(*rows, domains=domains, objectives=("val/f1",))
    (panel,) = panels(slices(unknown)).values()
    assert not [p for p in panel.patches if p.get_label() == "within chance of the best"]


def test_only_what_was_varied_has_a_panel_and_only_trials_that_have_it_stand_there() -> None:
    assert slices(table(row(0, 0.5, params={"a": 1}))) is None
    made = recipes(24)
    found = panels(slices(made))
    assert set(found) == {
        "optimizer", "trainer.batch_size", "model.dropout", "trainer.max_epochs",
        "optimizer.momentum",
    }  # fmt: skip
    momentum = found["optimizer.momentum"]
    has = [r for r in made.complete if "optimizer.momentum" in r.params]
    assert len(dots(momentum, "complete") + dots(momentum, "best")) == len(has)
    assert 0 < len(has) < len(made.complete)


def test_the_baseline_is_marked() -> None:
    panel = panels(slices(optimizers()))["scheduler"]
    (mark,) = dots(panel, "baseline")
    assert mark[1] == optimizers().rows[0].values[0]  # type: ignore[index]
    assert "dashed: the baseline" in words(slices(optimizers()))
    assert "dashed: the baseline" not in words(slices(recipes(24)))


def test_each_complete_trial_is_a_line_from_its_parameters_to_its_score() -> None:
    rows = [
        row(0, 0.5, params={"lr": 0.001, "kind": "b"}),
        row(1, 0.7, params={"lr": 0.1, "kind": "a", "drop": 0.5}),
        row(2, 0.6, params={"lr": 0.01, "kind": "a", "drop": 0.0}),
        row(3, state="pruned", params={"lr": 0.01, "kind": "b"}),
    ]
    domains = {
        "kind": Choices(("a", "b")),
        "lr": Range(0.001, 0.1, log=True, continuous=True),
        "drop": Range(0, 1, log=False, continuous=True),
    }
    figure = parallel_coordinates(table(*rows, domains=domains))
    assert figure is not None
    lines = next(c for c in figure.axes[0].collections if isinstance(c, LineCollection))
    heights = np.array([path.vertices[:, 1] for path in lines.get_paths()])
    expected = [[1, 0, -0.16], [0, 0.5, 0], [0, 1, 0.5]]  # the best last, so that it is on top
    assert heights[:, :3] == pytest.approx(np.array(expected), abs=0.02)
    assert heights[:, 3].tolist() == sorted(heights[:, 3])
    assert len({tuple(colour) for colour in lines.get_colors()}) == 3
    assert "not drawn" in words(figure)


def test_one_parameter_or_two_trials_make_no_parallel_coordinates() -> None:
    assert parallel_coordinates(learning_rates(20)) is None
    assert parallel_coordinates(table()) is None
    few = [row(i, 0.5 + i / 10, params={"a": i, "b": i}) for i in range(2)]
    domain = Range(0, 1, log=False, continuous=False)
    assert parallel_coordinates(table(*few, domains={"a": domain, "b": domain})) is None
