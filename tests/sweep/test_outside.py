"""What others put into a study through Optuna: points to be trained, and results."""

import math
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from ferlab.report.search_text import search_markdown
from ferlab.sweep import studies
from ferlab.sweep.outcome import tell_outside
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.shared_study import SharedStudy
from tests.sweep.test_study import LINE, NEVER, shared, tell, work


def finished(study: SharedStudy) -> list[dict[str, Any]]:
    return [t.params for t in study.trials() if t.state == TrialState.COMPLETE]


@pytest.mark.parametrize(
    "point",
    [
        {"lr": 0.07, "kind": "se", "r": 4},
        {"lr": 0.07, "kind": "none"},
        {"lr": 0.07},  # the sampler draws the rest
        {"kind": "se"},
        {},
    ],
)
def test_an_enqueued_point_is_the_next_to_be_trained(point: dict[str, Any]) -> None:
    study = shared(LINE, 4, trials=4)
    work(study, 1)
    study.optuna.enqueue_trial(point)
    assert work(study) == 3
    trial = study.optuna.trials[1]
    assert trial.state == TrialState.COMPLETE
    assert point.items() <= trial.params.items()
    assert trial.user_attrs["params"] == trial.params
    assert study.counts().counted == 4
    assert outside.waiting(study.optuna.trials) == []


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ({"lr": 7.0}, "lr is never 7.0, but one of FloatDistribution"),
        ({"lr": "fast"}, "lr is never fast"),
        ({"lr": math.nan}, "lr is never nan"),
        ({"kind": "cbam"}, "kind is never cbam, but one of none, se"),
        ({"kind": "none", "r": 4}, "r is not drawn there"),
        ({"momentum": 0.9}, "momentum is not swept"),
    ],
)
def test_a_point_that_does_not_fit_is_skipped_and_costs_nothing(
    point: dict[str, Any], why: str
) -> None:
    study = shared(LINE, 3, trials=3)
    study.optuna.enqueue_trial(point)
    assert work(study) == 3
    assert study.optuna.trials[0].state == TrialState.FAIL
    assert study.optuna.trials[0].user_attrs["skipped"].startswith(why)
    assert (study.counts().counted, study.counts().failed) == (3, 0)
    assert work(shared(LINE, 5, trials=5)) == 2


def test_the_baseline_goes_first_and_what_was_trained_is_not_trained_again() -> None:
    study = shared(budget=12, trials=12, baseline={"a": 3, "b": "y"})
    study.optuna.enqueue_trial({"a": 1, "b": "x"})
    study.optuna.enqueue_trial({"a": 1, "b": "x"})
    study.optuna.enqueue_trial({"a": 3, "b": "y"})
    assert work(study, 2) == 2
    assert finished(study) == [{"a": 1, "b": "x"}, {"a": 3, "b": "y"}]
    assert work(study) == 10
    assert len({str(params) for params in finished(study)}) == 12
    skipped = [t.user_attrs.get("skipped") for t in study.optuna.trials[:3]]
    assert skipped == [None, "was trained already", "was trained already"]


def test_the_budget_is_exact_with_what_is_enqueued() -> None:
    study = shared(LINE, 3, trials=3)
    for lr in (0.1, 0.2, 0.3, 0.4):
        study.optuna.enqueue_trial({"lr": lr})
    assert work(study) == 3
    assert [params["lr"] for params in finished(study)] == [0.1, 0.2, 0.3]
    assert len(outside.waiting(study.optuna.trials)) == 1
    assert work(shared(LINE, 4, trials=4)) == 1
    assert [params["lr"] for params in finished(study)] == [0.1, 0.2, 0.3, 0.4]


def test_an_enqueued_point_survives_the_worker_that_took_it() -> None:
    study = shared(LINE, 3, trials=3)
    study.optuna.enqueue_trial({"lr": 0.25})
    with study.liveness.at_work() as dying:
        taken = study.next_trial(dying, NEVER)
    assert taken is not None
    with study.liveness.at_work() as me:
        adopted = study.next_trial(me, NEVER)
        assert adopted is not None
        assert (adopted.number, adopted.params["lr"]) == (taken.number, 0.25)
        tell(study, adopted)


def test_one_whose_worker_died_before_the_rest_was_drawn_is_enqueued_again() -> None:
    study = shared(LINE, 3, trials=3)
    with study.liveness.at_work() as dead:
        ghost = dead
    attrs = {"worker": ghost, "session": "1", "enqueued": True}
    fixed = {"fixed_params": {"lr": 0.25}}
    study.optuna.add_trial(
        create_trial(state=TrialState.RUNNING, user_attrs=attrs, system_attrs=fixed)
    )
    assert work(study) == 3
    assert finished(study)[0]["lr"] == 0.25


ADDED = create_trial(
    params={"lr": 0.3, "kind": "none"},
    distributions={
        "lr": FloatDistribution(1e-5, 2.0, log=True),
        "kind": CategoricalDistribution(["none", "se"]),
    },
    value=9.0,
)


def test_a_result_from_elsewhere_costs_no_budget_and_the_sampler_knows_of_it() -> None:
    study = shared(LINE, 3, trials=3)
    work(study, 1)
    study.optuna.add_trial(ADDED)
    assert work(study) == 2
    assert study.counts().counted == 3
    seen = outside.Seen(LINE)(study.optuna.trials[1])
    assert seen is not None
    assert seen.distributions["lr"] == LINE.parameters[0].distribution


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.FAIL, TrialState.PRUNED])
@pytest.mark.parametrize("sampler", ["TPESampler", "BruteForceSampler"])
def test_no_trial_of_others_stops_a_worker(state: TrialState, sampler: str) -> None:
    chosen = {"_target_": f"optuna.samplers.{sampler}"}
    study = shared(budget=4, trials=4, sampler=chosen)
    work(study, 1)
    study.optuna.add_trial(create_trial(state=state))
    stray = {"x": CategoricalDistribution([1, 2])}
    study.optuna.add_trial(create_trial(state=state, params={"x": 1}, distributions=stray))
    assert work(study) == 3
    assert study.counts().running == 0
    assert all(outside.Seen(LINE)(trial) is None for trial in study.optuna.trials[1:3])


def test_a_key_that_others_used_for_something_else_has_another_name_in_optuna() -> None:
    study = shared(LINE, 3, trials=3)
    wrong = {"lr": FloatDistribution(0.1, 1.0)}  # not logarithmic
    study.optuna.add_trial(create_trial(params={"lr": 0.5}, distributions=wrong, value=1.0))
    assert work(shared(LINE, 3, trials=3)) == 3
    assert all("lr (2)" in trial.params for trial in study.trials())
    assert all("lr" in trial.user_attrs["params"] for trial in study.trials())


def test_what_is_from_elsewhere_is_shown_as_what_it_is() -> None:
    study = shared(LINE, 3, trials=3)
    work(study, 1)
    study.optuna.add_trial(ADDED)
    stray = {"x": CategoricalDistribution([1, 2])}
    study.optuna.add_trial(create_trial(params={"x": 1}, distributions=stray, value=2.0))
    study.optuna.enqueue_trial({"kind": "cbam"})
    work(study, 1)
    study.optuna.enqueue_trial({"lr": 0.1})
    assert outside.record_misfits(study.optuna, LINE) == {
        2: "x is not swept; lr is missing; kind is missing"
    }
    studies.remember(study.optuna, study.config, 3, 1, "ferlab sweep s")
    table = studies.view(study.optuna)
    assert [row.number for row in table.rows] == [0, 4]
    assert [(row.number, row.origin, row.values) for row in table.outside] == [
        (1, "added from elsewhere", (9.0,)),
        (2, "added from elsewhere", (2.0,)),
        (3, "enqueued", None),
    ]
    assert tell_outside(table) == [
        "added    2 results from elsewhere, which cost no budget; the sampler knows of 1",
        "skipped  trial 3, enqueued: kind is never cbam, but one of none, se",
        "waiting  1 enqueued point, for more study.trials",
    ]
    study.optuna.set_user_attr("misfits", {"1": "of a space that was since extended"})
    outside.record_misfits(study.optuna, LINE)
    assert list(study.optuna.user_attrs["misfits"]) == ["2"]
    text = search_markdown(table, "ferlab sweep s", "ferlab confirm s", {})
    assert "| 1 | added from elsewhere | `lr=0.3 kind=none` | 900.00 % |  |" in text
    assert "| 2 | added from elsewhere | `x=1` | 200.00 % | unknown to the sampler: x is" in text
    assert "| 3 | enqueued | `kind=cbam` | – | skipped: kind is never cbam" in text
