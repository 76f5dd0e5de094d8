"""Pictures of a study: that all of them can be read, whatever was searched."""

import io
from collections.abc import Callable
from dataclasses import replace

import matplotlib as mpl
import pytest

from ferlab.analysis.search import figures
from ferlab.analysis.search.front import front
from ferlab.study.table import StudyTable
from tests.analysis.seen import collisions, words
from tests.fake_studies import learning_rates, optimizers, recipes, row, study, table


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


@pytest.mark.parametrize("trials", [6, 70])
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
def test_everything_can_be_read(trials: int, make: Callable[[int], StudyTable]) -> None:
    drawn = figures.draw_search(make(trials))
    assert {"history", "slices", "placement", "curves"} <= set(drawn)
    assert ("importances" in drawn) == (trials > 6)
    for name, figure in drawn.items():
        assert collisions(figure) == [], name


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize(
    ("make", "drawn"),
    [
        (lambda n: learning_rates(24, n), {"slices", "importances"}),
        (lambda n: recipes(30, n), {"slices", "parallel", "importances"}),
        (optimizers, {"slices", "parallel"}),
        (lambda n: loss_of(recipes(30, n)), {"slices", "parallel", "importances"}),
    ],
    ids=["one number", "mixed", "choices", "loss"],
)
def test_a_search_that_is_not_about_attention_can_be_read(
    make: Callable[[int], StudyTable], drawn: set[str], replicates: int
) -> None:
    found = figures.draw_search(make(replicates))
    assert set(found) - {"importances"} == {"history", "curves", *drawn} - {"importances"}
    for name, figure in found.items():
        assert collisions(figure) == [], name


def test_nothing_is_drawn_of_nothing() -> None:
    assert figures.draw_search(table()) == {}
    assert figures.draw_search(table(row(0), row(1, state="failed"))) == {}


def test_one_trial_is_enough_for_a_history_and_a_curve() -> None:
    assert set(figures.draw_search(table(row(0, 0.5, epochs={1: 0.5})))) == {"history", "curves"}


def test_the_front_names_its_trials() -> None:
    values = [(0.6, 900e3), (0.5, 500e3), (0.55, 950e3)]
    two = table(
        *(row(i, values=v, state="complete") for i, v in enumerate(values)),
        objectives=("val/accuracy", "parameters"),
        minimised=(False, True),
    )
    written = words(front(two))
    assert "0 trial 0: 60.00 %, 900,000" in written
    assert "1 trial 1: 50.00 %, 500,000" in written
    assert "trial 2" not in written
    assert "2 trials of 3 complete ones" in written
    assert front(replace(two, objectives=two.objectives[:1])) is None


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = mpl.rcParams.copy()
    for figure in figures.draw_search(study(24, objectives=2)).values():
        figure.savefig(io.BytesIO(), format="png")
    assert mpl.rcParams.copy() == before
