"""The map of placement and reduction, for every kind and position of attention."""

import pytest

from ferlab.analysis.search import figures, placement
from ferlab.analysis.search.placement import Cell, placement_map
from ferlab.config.attention import KINDS, Kind
from tests.analysis.seen import texts, words
from tests.fake_studies import row, table
from tests.report.words import OF_TWO, seeds

SE = {"model.attention.kind": "se", "model.attention.reduction": 4, "model.attention.stages": "[1]"}
NONE = {"model.attention.kind": "none"}


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


@pytest.mark.parametrize(
    ("best", "low"),
    [(0.63, 0.63 - 0.1), (0.601, 0.601 - 2 * 0.01 * (2 / 3) ** 0.5)],
)
def test_colours_stretch_over_no_less_than_noise(best: float, low: float) -> None:
    """Of three runs each, of which trial and seed leave 0.01; and over all where there is more."""
    worst = {0.63: 0.53, 0.601: 0.6}[best]
    rows = [
        row(0, params={**SE, "model.attention.reduction": 8}, **seeds(worst, OF_TWO)),
        row(1, params=SE, **seeds(best, OF_TWO, 1)),
    ]
    made = table(*rows, replicates=3)
    found = placement_map(made)
    assert found is not None
    scale = placement._Scale.of(made, list(found.cells.values()))
    assert (scale.worst, scale.best) == pytest.approx((low, best))
    told = words(figures.PICTURES["placement"](made))
    assert "colours span 1.63 points at least, for less may be chance" in told


def test_counts_have_no_noise_to_stretch_over() -> None:
    rows = [row(0, 500e3, params=SE), row(1, 501e3, params={**SE, "model.attention.reduction": 8})]
    made = table(*rows, objectives=("parameters",), minimised=(True,))
    assert "at least" not in words(figures.PICTURES["placement"](made))
