"""What follows from a study's trials alone."""

import random
from dataclasses import replace

import numpy as np
import pytest

from ferlab.study.objectives import format_difference, format_value
from ferlab.study.table import Spread, TrialRow, between_seeds
from ferlab.text import join_words, pluralize
from tests.fake_studies import row, study, table


def numbers(rows: list[TrialRow]) -> list[int]:
    return [one.number for one in rows]


def test_the_best_is_the_first_of_the_best() -> None:
    rows = (row(0, 0.5), row(1, 0.6), row(2, 0.6), row(3), row(4, 0.7, state="pruned"))
    assert table(*rows).best == rows[1]
    assert table(*rows, objectives=("val/loss",), minimised=(True,)).best == rows[0]
    assert numbers(table(*rows).ranked) == [1, 2, 0]
    assert table(row(0)).best is None


def test_equals_are_ranked_by_the_next_objective() -> None:
    rows = row(0, values=(0.6, 9), state="complete"), row(1, values=(0.6, 5), state="complete")
    two = table(*rows, objectives=("val/accuracy", "parameters"), minimised=(False, True))
    assert two.best == rows[1]
    assert numbers(two.front) == [1]


@pytest.mark.parametrize("minimised", [(False, True, False), (True, True, True)])
def test_the_front_is_what_no_other_beats(minimised: tuple[bool, ...]) -> None:
    rng = random.Random(0)
    values = [tuple(float(rng.randint(0, 6)) for _ in minimised) for _ in range(120)]
    many = table(
        *(row(i, values=v, state="complete") for i, v in enumerate(values)),
        objectives=("a", "b", "c"),
        minimised=minimised,
    )
    costs = np.array(values) * np.where(minimised, 1, -1)
    beaten = [((costs <= c).all(axis=1) & (costs < c).any(axis=1)).any() for c in costs]
    assert set(numbers(many.front)) == set(np.flatnonzero(~np.array(beaten)))


def test_seeds_scatter_by_what_trial_and_seed_leave() -> None:
    """Least squares written out: a column for each trial, and one for each seed but the first."""
    scores = [(0.4, 0.5, 0.6), (0.79, 0.81), (0.2, 0.31), (0.9,), (0.5, 0.58, 0.7)]
    rows = [row(i, replicates=group) for i, group in enumerate(scores)]
    cells = [(t, s) for t, group in enumerate(scores) for s in range(len(group))]
    design = np.array([[*(t == i for i in range(5)), s == 1, s == 2] for t, s in cells], float)
    values = np.array([scores[t][s] for t, s in cells])
    left = values - design @ np.linalg.lstsq(design, values)[0]
    freedom = len(values) - 7
    assert between_seeds(rows) == Spread(pytest.approx((left @ left / freedom) ** 0.5), freedom)


def test_what_a_seed_does_to_all_trials_alike_is_no_scatter() -> None:
    alike = [row(i, replicates=(level, level + 0.1)) for i, level in enumerate((0.4, 0.5, 0.7))]
    assert between_seeds(alike) == Spread(pytest.approx(0, abs=1e-12), 2)


def test_one_trial_does_not_tell_how_seeds_scatter() -> None:
    assert between_seeds([row(0, replicates=(0.4, 0.5, 0.6)), row(1, 0.9)]) is None
    assert between_seeds([]) is None


def test_no_attention_is_seen_in_the_point() -> None:
    assert row(0, params={"model.attention.kind": "none"}).is_plain
    assert not row(0, params={"model.attention.stages": "[1]"}).is_plain


def test_states_are_counted_and_values_kept_apart() -> None:
    all_of = study(200)
    assert len(all_of.rows) == sum(
        len(all_of.of(state)) for state in ("complete", "pruned", "failed", "running")
    )
    odd = replace(all_of.complete[0], values=None)
    assert table(odd).complete == []


def test_values_are_told_in_their_own_units() -> None:
    assert format_value("val/accuracy", 0.61234) == "61.23 %"
    assert format_value("val/accuracy", 0.61234, 1) == "61.2 %"
    assert format_value("val/f1", 0.61234) == "0.6123"
    assert format_value("parameters", 538343.0) == "538,343"
    assert format_value("latency", 1.234) == "1.23 ms"
    assert format_difference("val/accuracy", 0.0123) == "1.23 points"
    assert format_difference("val/loss", 0.0123) == "0.0123"


def test_words() -> None:
    assert [pluralize(n, "trial") for n in (0, 1, 2400)] == ["0 trials", "1 trial", "2,400 trials"]
    assert pluralize(2, "try", "tries") == "2 tries"
    assert [join_words("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
