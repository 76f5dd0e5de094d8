"""A study's table: what its parameters may be, and which point is its baseline."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from ferlab.study.params import Choices, Domain, Range, Value
from ferlab.sweep.studies import view
from ferlab.sweep.workers.storage import open_storage

FRAME = {
    "question": None, "objectives": ["val/accuracy"], "minimised": [False], "budget": 2,
    "epochs": 1, "replicates": 1, "command": "ferlab",
}  # fmt: skip


def begun(*points: tuple[Value, BaseDistribution], **about: object) -> optuna.Study:
    """A study with a trial for each value of one parameter."""
    made = optuna.create_study(
        study_name="s", storage=open_storage(None, "s"), direction="maximize"
    )
    made.set_user_attr("frame", FRAME)
    made.set_user_attr("about", about)
    for value, distribution in points:
        params = {"a": value}
        attrs = {"params": params, "name": "", "run_id": "0"}
        made.add_trial(
            create_trial(
                value=0.5, params=params, distributions={"a": distribution}, user_attrs=attrs
            )
        )
    return made


@pytest.mark.parametrize(
    ("value", "distribution", "domain"),
    [
        (4, CategoricalDistribution((2, 4)), Choices((2, 4))),
        ("[1,2]", CategoricalDistribution(("all", "[1,2]")), Choices(("all", "[1,2]"))),
        (0.1, FloatDistribution(1e-3, 1, log=True), Range(1e-3, 1, True, True)),
        (0.5, FloatDistribution(0, 1, step=0.25), Range(0, 1, False, False)),
        (3, IntDistribution(1, 8), Range(1, 8, False, False)),
        (3, IntDistribution(1, 8, log=True), Range(1, 8, True, False)),
    ],
)
def test_what_a_parameter_may_be_is_read_from_its_distribution(
    value: Value, distribution: BaseDistribution, domain: Domain, home: Path
) -> None:
    assert view(begun((value, distribution))).domains == {"a": domain}


@pytest.mark.parametrize(
    ("one", "other", "domain"),
    [
        (CategoricalDistribution((1, 2)), CategoricalDistribution((2, 1, 3)), Choices((1, 2, 3))),
        (FloatDistribution(1, 2), FloatDistribution(0, 1), Range(0, 2, False, True)),
        (IntDistribution(1, 2), CategoricalDistribution((1, 5)), Choices((1, 5))),
    ],
)
def test_of_two_distributions_both_count(
    one: BaseDistribution, other: BaseDistribution, domain: Domain, home: Path
) -> None:
    assert view(begun((1, one), (1, other))).domains == {"a": domain}


@pytest.mark.parametrize(
    ("distribution", "value", "domain"),
    [
        (CategoricalDistribution((1, 2)), 3, Choices((1, 2, 3))),
        (FloatDistribution(1, 2), 0.5, Range(0.5, 2, False, True)),
        (FloatDistribution(1, 2), "auto", Choices((1, "auto"))),
    ],
)
def test_what_a_trial_from_another_space_is_counts_too(
    distribution: BaseDistribution, value: Value, domain: Domain, home: Path
) -> None:
    made = begun((1, distribution))
    made.add_trial(create_trial(value=0.5, user_attrs={"params": {"a": value}}))
    assert view(made).domains == {"a": domain}


def test_the_baseline_is_the_complete_trial_of_the_declared_point(home: Path) -> None:
    choices = CategoricalDistribution((0.05, 0.1))
    made = begun((0.05, choices), (0.1, choices), **{"study.baseline.a": 0.1})
    table = view(made)
    assert table.baseline == {"a": 0.1}
    assert table.baseline_row is table.rows[1]


@pytest.mark.parametrize("about", [{}, {"study.baseline": None}])
def test_a_study_without_a_baseline_has_none(about: dict[str, object], home: Path) -> None:
    table = view(begun((1, IntDistribution(1, 2)), **about))
    assert table.baseline is None
    assert table.baseline_row is None
