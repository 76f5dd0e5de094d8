"""What repeated searches come to: who wins how often, and the interval of what they find."""

from itertools import pairwise

import numpy as np
import pytest

from ferlab.analysis.repeated.figure import repeats_figure
from ferlab.analysis.repeated.outcome import Outcome, RepeatedSearch, Scores, values_by_key


def search(lr: float, fresh: float = 0.7, baseline: float | None = None) -> RepeatedSearch:
    return RepeatedSearch(
        study="s-repeat-1",
        winner=f"lr {lr:.1g}",
        params={"lr": lr},
        selected=fresh + 0.02,
        seed=7,
        fresh=fresh,
        baseline=baseline,
    )


def test_wins_are_counted_by_configuration_and_not_by_name() -> None:
    found = Outcome("val/accuracy", tuple(map(search, (0.101, 0.05, 0.1, 0.05, 0.101, 0.05))))
    assert [(first.params["lr"], count) for first, count in found.wins] == [
        (0.05, 3),
        (0.101, 2),
        (0.1, 1),
    ]
    assert found.wins[0][0] is found.searches[1]
    assert values_by_key(found.searches) == {"lr": [0.101, 0.05, 0.1, 0.05, 0.101, 0.05]}


def test_the_interval_is_students_over_the_searches_and_takes_three() -> None:
    estimate = Scores((0.70, 0.71, 0.75)).estimate
    assert estimate is not None
    low, high = estimate.interval()
    half = 4.3027 * np.std([0.70, 0.71, 0.75], ddof=1) / 3**0.5  # t(2) at 97.5 %
    assert (low, high) == pytest.approx((0.72 - half, 0.72 + half), abs=1e-5)
    assert Scores((0.70, 0.71)).estimate is None


def test_the_interval_holds_what_such_searches_find_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(0)
    repeated = [Scores(tuple(rng.normal(0.7, 0.01, 4))).estimate for _ in range(2000)]
    intervals = [estimate.interval() for estimate in repeated if estimate is not None]
    held = np.mean([low < 0.7 < high for low, high in intervals])
    assert len(intervals) == 2000
    assert abs(held - 0.95) < 3 * (0.95 * 0.05 / 2000) ** 0.5


def test_the_gain_is_paired_by_seed() -> None:
    pairs = ((0.70, 0.69), (0.74, 0.73), (0.66, 0.65))
    found = Outcome("val/accuracy", tuple(search(0.1, *pair) for pair in pairs))
    assert found.gain is not None
    assert found.gain.values == pytest.approx((0.01, 0.01, 0.01))
    assert found.gain.estimate is not None
    assert found.gain.estimate.error == pytest.approx(0)
    assert found.optimism.mean == pytest.approx(0.02)
    assert Outcome("val/accuracy", (search(0.1), search(0.1))).gain is None


def test_the_picture_has_each_search_on_a_line_of_its_own() -> None:
    found = Outcome("val/loss", tuple(search(lr, lr, 0.3) for lr in (0.1, 0.2, 0.4)))
    (axes,) = repeats_figure(found).axes
    names = [(text.get_text(), text.get_position()[1]) for text in axes.texts]
    assert [name for name, _ in names] == ["1  lr 0.1", "2  lr 0.2", "3  lr 0.4"]
    assert all(below - above == pytest.approx(1) for (_, above), (_, below) in pairwise(names))
    chosen, fresh, baseline = axes.lines[-3:]
    assert list(chosen.get_xdata()) == pytest.approx([0.12, 0.22, 0.42])
    assert list(fresh.get_xdata()) == [0.1, 0.2, 0.4]
    assert list(baseline.get_xdata()) == [0.3, 0.3, 0.3]
