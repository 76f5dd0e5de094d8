"""The written result: its numbers, its words, and its honesty about chance."""

import re

import pytest

from ferlab.analysis.search.figures import PICTURES
from ferlab.report.search_text import CAPTIONS
from ferlab.study import table as study_table
from ferlab.study.params import Choices, Range
from tests.fake_studies import row, study, table
from tests.report.words import NONE, se, seeds, text


def test_counted_objectives_are_told_to_have_no_noise() -> None:
    exact = table(row(0, 500e3), row(1, 600e3), objectives=("parameters",), minimised=(True,))
    assert "Nothing: parameters is counted, not measured." in text(exact)


def test_it_says_what_was_searched_and_what_it_cost() -> None:
    params = {"optimizer.lr": 0.1}
    made = table(
        row(0, 0.5, params=params, epochs={1: 0.4, 2: 0.5}),
        row(1, state="pruned", params={"optimizer.lr": 0.05}, epochs={1: 0.1}, ended=1.7e9 + 250),
        row(2, state="failed", params={"a|b": True}),
        row(3, params={"model.attention.stages": "[1,2]"}),
        row(4, params={"model.attention.stages": "all"}),
        budget=9,
    )
    written = text(made)
    assert "> Does it help?" in written
    assert (
        "Of 9 trials, 2 are done: 1 complete and 1 pruned; 1 more failed; 2 more are running."
        in written
    )
    assert "A trial is one run of at most 10 epochs." in written
    assert "the trials took 4 minutes from start to end, for 3 epochs." in written
    assert "| `optimizer.lr` | `0.05`, `0.1` |" in written
    assert "| `model.attention.stages` | `all`, `[1,2]` |" in written
    assert "| `a\\|b` | `true` |" in written


def test_many_values_are_told_as_a_range() -> None:
    rows = [row(i, 0.5, params={"optimizer.lr": 0.01 * (i + 1)}) for i in range(11)]
    assert "| `optimizer.lr` | 11 values from 0.01 to 0.11 |" in text(table(*rows))


def test_the_best_twenty_stand_in_order_and_no_attention_below_them() -> None:
    rows = [se(i, 0.5 + 0.01 * i, name=f"se {i}") for i in range(22)]
    written = text(table(*rows, row(22, 0.4, params=NONE, name="compact")))
    places = [line for line in written.splitlines() if line.startswith("| ") and " se " in line]
    assert [line.split(" | ")[1] for line in places] == [str(i) for i in range(21, 1, -1)]
    assert "| 1 | 21 | se 21 | 71.00 % | `00000000` |" in written
    assert "| 23 | 22 | compact (no attention) | 40.00 % | `00000000` |" in written


def test_spread_and_seeds_are_told_where_there_are_any() -> None:
    written = text(table(se(0, **seeds(0.6, 0.01)), se(1, 0.5), replicates=3))
    assert "trained under 3 seeds, the same for all trials, for at most 10 epochs each" in written
    assert "| 1 | 0 | trial 0 | 60.00 % | 1.00 points | 3 |" in written
    assert "| 2 | 1 | trial 1 | 50.00 % | – | 1 |" in written
    assert "No two trials have two seeds yet" in written
    several = table(se(0, **seeds(0.6, 0.01)), se(1, **seeds(0.5, 0.01, 1)), replicates=3)
    assert "between seeds is 1.22 points, from 2 trials (2 degrees of freedom)" in text(several)


def test_without_seeds_it_says_so() -> None:
    written = text(table(row(0, 0.6)))
    assert "from 58.4 % to 61.6 %: ±1.6 points by the chance of the images alone" in written
    assert "Every trial was trained under one seed" in written
    assert "## The only complete trial" in written
    assert "Selection" not in written


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.6, 0.59, 0.57, 0.5), "Of the 3 other complete trials, 1 lies so close to the best"),
        ((0.6, 0.59, 0.58, 0.5), "Of the 3 other complete trials, 2 lie so close to the best"),
        ((0.6, 0.59, 0.59), "Of the 2 other complete trials, all lie so close to the best"),
        ((0.6, 0.3, 0.2), "Of the 2 other complete trials, none lies so close to the best"),
        ((0.6, 0.59), "The other complete trial lies so close to the best"),
        ((0.6, 0.3), "The other complete trial does not lie so close to the best"),
    ],
)
def test_trials_within_noise_of_the_best_are_counted(values: tuple[float, ...], said: str) -> None:
    assert said in text(table(*(row(i, value) for i, value in enumerate(values))))


def test_several_objectives_are_told_with_the_front() -> None:
    values = [(0.6, 900e3), (0.5, 500e3), (0.55, 950e3)]
    made = table(
        *(row(i, values=v, state="complete") for i, v in enumerate(values)),
        objectives=("val/accuracy", "parameters"),
        minimised=(False, True),
    )
    written = text(made)
    assert "|  | trial | what | val/accuracy | parameters | run |" in written
    assert "| 1 | 0 | trial 0 | 60.00 % | 900,000 |" in written
    assert "2 trials on the Pareto front" in written
    assert "another: 0 and 1." in written
    assert "All of this is about val/accuracy, the first of the objectives." in written


def test_nothing_complete_is_said_plainly() -> None:
    written = text(table(row(0)))
    assert "No trial is complete, so there is nothing to compare." in written
    assert "##" in written
    assert "MLflow" not in written
    assert text(table(budget=3)).count("Of 3 trials, 0 are done: 0 complete and 0 pruned.") == 1


def test_it_says_how_to_go_on_and_where_the_best_run_is() -> None:
    written = text(table(row(0, 0.5), row(1, 0.6)))
    assert "\n\n    ferlab sweep fake_study\n\n" in written
    assert f"MLflow run `{1:032x}`" in written


def test_every_picture_has_its_caption() -> None:
    assert set(CAPTIONS) == set(PICTURES)
    written = text(study(24), history="history.png", front="figures/front.png")
    assert "![Pareto front](figures/front.png)" in written
    assert "## Pictures" not in text(study(24))


@pytest.mark.parametrize("trials", range(0, 40, 3))
def test_it_can_be_written_of_any_study(trials: int) -> None:
    for made in (study(trials), study(trials, 3, 2), study(trials, 2, 3, positions=False, seed=1)):
        written = text(made)
        assert "nan" not in written
        assert not re.search(r"(^|[^\d,])1 (trials|runs|epochs|seeds|images)", written)
        tables = [part for part in written.split("\n\n") if part.startswith("|")]
        for grid in tables:
            assert len({line.count(" | ") for line in grid.splitlines()}) == 1


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ((0, 0), "each run, with no other trial being trained on its machine."),
        ((0, 1), "while 0 to 1 other trial was trained on its machine. Others lengthen it"),
        ((3, 3), "while 3 other trials were trained on its machine. Others lengthen it"),
        ((None, 1), "beside what is not known of every trial. Others lengthen it"),
    ],
)
def test_latency_is_told_with_what_was_trained_beside_it(
    beside: tuple[int | None, int | None], told: str
) -> None:
    rows = [row(i, 0.5 + i / 10, beside=count) for i, count in enumerate(beside)]
    assert told in text(table(*rows, objectives=("latency",), minimised=(True,)))
    assert "Latency was timed" not in text(table(*rows))


def test_a_continuous_parameter_is_told_as_a_range_and_choices_in_the_order_of_the_space() -> None:
    params = [{"lr": 0.3, "drop": 0.25, "kind": "deep"}, {"lr": 0.00123, "drop": 0.5, "kind": "a"}]
    domains = {
        "lr": Range(0.001, 1, log=True, continuous=True),
        "drop": Range(0, 0.5, log=False, continuous=True),
        "kind": Choices(("deep", "b", "a")),
    }
    rows = [row(i, 0.5 + i / 10, params=dict(one)) for i, one in enumerate(params)]
    written = text(table(*rows, domains=domains))
    assert "| 2 values from 0.00123 to 0.3, of 0.001 to 1, on a logarithmic scale |" in written
    assert "| 2 values from 0.25 to 0.5, of 0 to 0.5 |" in written
    assert "| `kind` | `deep`, `a` |" in written


def test_the_baseline_is_named_among_the_best_and_below_them() -> None:
    rows = [row(i, 0.5 + 0.01 * i, params={"a": i}) for i in range(22)]
    assert "| 22 | 0 | trial 0 (baseline) |" in text(table(*rows, baseline={"a": 0}))
    assert "| 1 | 21 | trial 21 (baseline) |" in text(table(*rows, baseline={"a": 21}))


def test_each_is_told_against_the_baseline() -> None:
    rows = [row(i, value, params={"a": i}) for i, value in enumerate((0.5, 0.52, 0.49))]
    written = text(table(*rows, baseline={"a": 0}))
    assert "| 1 | 1 | trial 1 | 52.00 % | +2.00 points |" in written
    assert "| 2 | 0 | trial 0 (baseline) | 50.00 % | – |" in written
    assert "| 3 | 2 | trial 2 | 49.00 % | -1.00 points |" in written


def test_what_holds_of_all_trials_is_reckoned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report on 10,000 trials took minutes: each was held against the scatter of all."""
    reckoned: list[object] = []
    once = study_table.residual
    monkeypatch.setattr(study_table, "residual", lambda of: reckoned.append(of) or once(of))
    text(table(*(row(n, 0.5 + n / 1000, replicates=(0.5, 0.5 + n / 500)) for n in range(30))))
    assert len(reckoned) == 1
