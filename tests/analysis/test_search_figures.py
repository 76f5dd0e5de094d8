"""Pictures of a study: what they show, and that all of it can be read."""

import io
import itertools
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ferlab.analysis.search import figures, placement
from ferlab.analysis.search.importance import importances
from ferlab.analysis.search.placement import Cell, placement_map
from ferlab.config.attention import KINDS, Kind
from ferlab.study.table import StudyTable
from tests.fake_studies import row, study, table

SE = {"model.attention.kind": "se", "model.attention.reduction": 4, "model.attention.stages": "[1]"}
NONE = {"model.attention.kind": "none"}


def shown(figure: Figure | None) -> list[Text]:
    """Everything that is written in a figure and can be seen."""
    assert figure is not None
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = set()
    for axes in figure.findobj(mpl.axes.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not (axes.axison and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
    return [t for t in figure.findobj(Text) if t.get_text() and t.get_visible() and t not in hidden]


def texts(figure: Figure | None) -> list[str]:
    return [text.get_text() for text in shown(figure)]


def collisions(figure: Figure) -> list[str]:
    """Texts that lie over each other or stick out of the figure."""
    found = []
    boxes = [(t.get_text(), t.get_window_extent()) for t in shown(figure)]
    inside = [(t, b) for t, b in boxes if b.width]
    for (one, box), (other, box2) in itertools.combinations(inside, 2):
        wide = min(box.x1, box2.x1) - max(box.x0, box2.x0)
        high = min(box.y1, box2.y1) - max(box.y0, box2.y0)
        if wide > 1 and high > 1:
            found.append(f"{one!r} over {other!r}")
    frame = figure.bbox
    for text, box in inside:
        if box.x0 < 0 or box.y0 < 0 or box.x1 > frame.x1 or box.y1 > frame.y1:
            found.append(f"{text!r} sticks out")
    return found


def loss_of(accuracies: StudyTable) -> StudyTable:
    """The same study with a loss as its objective, one of them dreadful, and long names."""
    rows = [
        replace(
            one,
            name=f"a network with a name that goes on and on and on, {one.name}",
            values=one.values and (9.0 if one.number == 1 else 2 - one.values[0],),
            epochs={epoch: 3 - 2 * value for epoch, value in one.epochs.items()},
        )
        for one in accuracies.rows
    ]
    return replace(
        accuracies,
        study="a_study_whose_name_is_much_longer_than_anyone_would_type",
        rows=tuple(rows),
        objectives=("val/loss",),
        minimised=(True,),
    )


@pytest.mark.parametrize("trials", [6, 24, 200])
@pytest.mark.parametrize(
    "make",
    [
        study,
        lambda n: study(n, replicates=3, objectives=2, positions=False),
        lambda n: study(n, objectives=3, seed=1),
        lambda n: loss_of(study(n)),
    ],
    ids=["plain", "seeds", "three objectives", "loss"],
)
def test_everything_can_be_read(trials, make) -> None:  # type: ignore[no-untyped-def]
    drawn = figures.draw_search(make(trials))
    assert {"history", "placement", "curves"} <= set(drawn)
    assert ("importances" in drawn) == (trials > 6)
    for name, figure in drawn.items():
        assert collisions(figure) == [], name


def test_nothing_is_drawn_of_nothing() -> None:
    assert figures.draw_search(table()) == {}
    assert figures.draw_search(table(row(0), row(1, state="failed"))) == {}


def test_one_trial_is_enough_for_a_history_and_a_curve() -> None:
    assert set(figures.draw_search(table(row(0, 0.5, epochs={1: 0.5})))) == {"history", "curves"}


def test_the_history_shows_each_state_and_the_best_so_far() -> None:
    figure = figures.optimization_history(
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
    assert dots["complete"] == [[0, 0.5], [1, 0.6], [4, 0.58]]
    assert dots["pruned, last epoch"] == [[2, 0.55]]
    assert dots["running"] == [[5, 0.57]]
    assert dots["each seed"] == [[1, 0.58], [1, 0.62]]
    assert [x for x, _ in dots["failed"]] == [3]
    (line,) = axes.lines
    assert np.asarray(line.get_ydata()).tolist() == [0.5, 0.6, 0.6, 0.6]
    assert "best: trial 1, trial 1: 60.00 %; of 3 complete trials" in texts(figure)


@pytest.mark.parametrize("less", [False, True])
def test_a_bad_trial_does_not_flatten_the_history(less: bool) -> None:
    good = [0.6 + 0.01 * i for i in range(8)]
    bad = 9.0 if less else -9.0
    objective = "val/loss" if less else "val/accuracy"
    rows = [row(i, value) for i, value in enumerate([*good, bad])]
    figure = figures.optimization_history(table(*rows, objectives=(objective,), minimised=(less,)))
    assert figure is not None
    low, high = figure.axes[0].get_ylim()
    assert low < 0.6
    assert high > 0.67
    assert high - low < 0.2
    side = "above" if less else "below"
    assert any(f"; {side} the axis (triangles): 1" in text for text in texts(figure))


def test_an_importance_is_the_share_of_variance_between_values() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(40):
        params = {"a": int(i % 2), "b": ("x", "y", "z")[i % 3], "fixed": 1}
        if i % 4 == 0:
            params["sometimes"] = float(rng.uniform())
        rows.append(row(i, 0.5 + 0.05 * (i % 2) + float(rng.normal(0, 0.01)), params=params))
    found = {one.key: one for one in importances(table(*rows))}
    assert set(found) == {"a", "b", "sometimes"}
    scores = np.array([(one.values or (0,))[0] for one in rows])
    means = np.where(np.arange(40) % 2, scores[1::2].mean(), scores[::2].mean())
    assert found["a"].share == pytest.approx(means.var() / scores.var())
    assert found["a"].share > 0.7 > found["a"].chance
    assert found["b"].share < found["b"].chance
    assert [found[key].trials for key in ("a", "sometimes")] == [40, 10]
    assert [found[key].groups for key in ("b", "sometimes")] == ["3 values", "in quarters"]


def test_chance_is_what_noise_comes_to() -> None:
    """Of studies in which nothing matters, 5 % show a parameter beyond chance."""
    rng = np.random.default_rng(1)
    beyond = 0
    for _ in range(200):
        rows = [row(i, float(rng.normal()), params={"a": int(i % 5)}) for i in range(25)]
        (one,) = importances(table(*rows))
        beyond += one.share > one.chance
    assert 2 <= beyond <= 21  # 10 +- 3.5 standard deviations


def test_importances_are_silent_about_few_trials() -> None:
    rows = [row(i, 0.1 * i, params={"a": i % 2}) for i in range(8)]
    assert [one.trials for one in importances(table(*rows))] == [8]
    assert importances(table(*rows[:7])) == []
    assert importances(table(*(row(i, 0.5, params={"a": i % 2}) for i in range(8)))) == []
    names = [row(i, 0.1 * i, params={"a": f"value {i}"}) for i in range(9)]
    assert importances(table(*names)) == []


def test_the_map_counts_the_runs_behind_each_cell() -> None:
    rows = (
        row(0, 0.5, params=NONE, replicates=(0.4, 0.6)),
        row(1, 0.6, params=SE, replicates=(0.59, 0.61)),
        row(2, 0.7, params=SE),
        row(3, params=SE, state="pruned"),
        row(4, 0.8, params={**SE, "model.attention.stages": "[2, 3]"}),
        row(5, params={**SE, "model.attention.reduction": 16}, state="pruned"),
        row(6, params={**SE, "model.attention.reduction": 32}, state="failed"),
    )
    found = placement_map(table(*rows))
    assert found is not None
    se = ("se", "")
    assert found.panels == {se: ("4", "16")}
    assert found.placements == ("1", "2+3")
    assert found.plain == Cell(0.5, 2, 0)
    assert found.cells == {
        (se, "1", "4"): Cell(pytest.approx(0.65), 3, 1),
        (se, "2+3", "4"): Cell(0.8, 1, 0),
        (se, "1", "16"): Cell(None, 0, 1),
    }
    written = texts(figures.PICTURES["placement"](table(*rows)))
    assert {"50.0 %\n2 runs", "65.0 %\n3 runs", "80.0 %\n1 run", "1\npruned", "none"} <= set(
        written
    )


def test_each_position_is_a_panel() -> None:
    points = [{**SE, "model.attention.position": p} for p in ("dropout", "conv", "pool")]
    rows = [row(i, 0.5 + i / 10, params=params) for i, params in enumerate(points)]
    found = placement_map(table(*rows))
    assert found is not None
    assert list(found.panels) == [("se", "conv"), ("se", "pool"), ("se", "dropout")]
    written = texts(figures.PICTURES["placement"](table(*rows)))
    assert {"se, after conv", "se, after pool", "se, after dropout"} <= set(written)


def test_each_kind_has_its_own_panels_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no condition keeps a reduction from what has none."""
    flat = Kind("a.Flat", "", {})
    monkeypatch.setattr(placement, "KINDS", {"se": KINDS["se"], "flat": flat})
    rows = [
        row(0, 0.5, params=NONE),
        row(1, 0.6, params={**SE, "model.attention.position": "pool"}),
        row(
            2,
            0.7,
            params={**SE, "model.attention.kind": "flat", "model.attention.position": "pool"},
        ),
        row(3, 0.9, params={**SE, "model.attention.kind": "flat", "model.attention.reduction": 16}),
    ]
    found = placement_map(table(*rows))
    assert found is not None
    assert list(found.panels.items()) == [
        (("se", "pool"), ("4",)),
        (("flat", ""), ("–",)),
        (("flat", "pool"), ("–",)),
    ]
    assert found.cells[("flat", "pool"), "1", "–"] == Cell(0.7, 1, 0)
    written = texts(figures.PICTURES["placement"](table(*rows)))
    assert {"se, after pool", "flat", "flat, after pool", "–", "reduction"} <= set(written)


def test_stages_alone_are_mapped_too() -> None:
    stages = {"model.attention.stages": "[1,3]"}
    found = placement_map(table(row(0, 0.5, params=stages)))
    assert found is not None
    assert found.panels == {("", ""): ("–",)}
    assert found.placements == ("1+3",)


def test_there_is_no_map_of_another_space() -> None:
    assert placement_map(table(row(0, 0.5, params={"optimizer.lr": 0.1}))) is None
    assert placement_map(table(row(0, 0.5, params=NONE))) is None
    assert placement_map(table(row(0, params=SE, state="pruned"))) is None


def test_the_front_names_its_trials() -> None:
    values = [(0.6, 900e3), (0.5, 500e3), (0.55, 950e3)]
    two = table(
        *(row(i, values=v, state="complete") for i, v in enumerate(values)),
        objectives=("val/accuracy", "parameters"),
        minimised=(False, True),
    )
    written = "\n".join(texts(figures.front(two)))
    assert "0  trial 0: 60.00 %, 900,000" in written
    assert "1  trial 1: 50.00 %, 500,000" in written
    assert "trial 2" not in written
    assert "2 trials of 3 complete ones" in written
    assert figures.front(replace(two, objectives=two.objectives[:1])) is None


def test_curves_of_pruned_trials_end_early() -> None:
    figure = figures.trial_curves(
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
    figure = figures.trial_curves(losses)
    assert figure is not None
    assert figure.axes[0].get_ylim()[1] < 10


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = mpl.rcParams.copy()
    for figure in figures.draw_search(study(24, objectives=2)).values():
        figure.savefig(io.BytesIO(), format="png")
    assert mpl.rcParams.copy() == before
