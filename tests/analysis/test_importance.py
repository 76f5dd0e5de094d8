"""How much each parameter alone goes along with the score."""

import numpy as np
import pytest

from ferlab.analysis.search.importance import importances
from tests.fake_studies import row, table


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
