"""What workers share: an exact budget, no point twice, no trial lost. Nothing is trained here."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from ferlab import paths
from ferlab.config.study import StudyConfig, check_study
from ferlab.errors import ConfigError
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers.shared_study import SharedStudy

NEVER = float("inf")


def settings(**changes: object) -> StudyConfig:
    folder = paths.shipped() / "conf" / "study"
    parts = {"sampler": "sampler/tpe", "pruner": "pruner/median"}
    shipped = yaml.safe_load((folder / "default.yaml").read_text())
    del shipped["defaults"]
    shipped |= {key: yaml.safe_load((folder / f"{f}.yaml").read_text()) for key, f in parts.items()}
    return check_study({**shipped, **changes})


GRID = parse({"a": "choice(1,2,3,4)", "b": "choice(x,y,z)"}, {})[0]
LINE = parse(
    {"lr": "tag(log, interval(0.001, 1.0))", "kind": "choice(none,se)", "r": "choice(2,4,8)"},
    {"r": {"kind": "se"}},
)[0]


def shared(
    space: Space = GRID,
    budget: int = 12,
    session: str = "1",
    study: str = "s",
    **changes: object,
) -> SharedStudy:
    config = settings(**changes)
    return SharedStudy(
        study, config, space, Feasibility(config.constraints, ComposedConfigs(())), budget, session
    )


def tell(study: SharedStudy, trial: Trial) -> None:
    value = float(len(str(trial.params))) + trial.params.get("lr", 0.0)
    study.optuna.tell(trial.number, value)


def points(study: SharedStudy) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials() if trial.state.is_finished()]


def work(study: SharedStudy, trials: int = 1000) -> int:
    done = 0
    with study.liveness.at_work() as worker:
        while done < trials and (trial := study.next_trial(worker, NEVER)) is not None:
            time.sleep(0.002 * (trial.number % 3))
            tell(study, trial)
            done += 1
    return done


def test_a_grid_is_trained_once_in_its_own_order() -> None:
    study = shared()
    assert work(study) == 12
    assert points(study) == list(GRID.all_params())


@pytest.mark.parametrize("trials", [7, 12, 50])
def test_many_workers_end_at_exactly_the_budget_with_no_point_twice(trials: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(lambda _: work(shared(budget=trials, trials=trials)), range(4)))
    study = shared(budget=trials, trials=trials)
    states = Counter(trial.state for trial in study.trials())
    assert states == {TrialState.COMPLETE: min(trials, 12)}
    assert done == min(trials, 12)  # the space has no more than 12 points
    assert len({str(params) for params in points(study)}) == done


def test_an_orphan_is_adopted_with_its_point_and_a_living_workers_trial_is_not() -> None:
    study = shared(budget=2)
    with study.liveness.at_work() as alive, study.liveness.at_work() as me:
        theirs = study.next_trial(alive, NEVER)
        with study.liveness.at_work() as dead:
            lost = study.next_trial(dead, NEVER)
        assert theirs is not None
        assert lost is not None
        adopted = study.next_trial(me, NEVER)
        assert adopted is not None
        assert (adopted.number, adopted.params) == (lost.number, lost.params)
        tell(study, adopted)
        tell(study, theirs)
        assert study.next_trial(me, NEVER) is None


def test_only_trials_of_its_machine_are_beside_a_trial() -> None:
    study = shared()
    with study.liveness.at_work() as me, study.liveness.at_work() as neighbour:
        mine = study.next_trial(me, NEVER)
        assert mine is not None
        assert study.beside(mine.number) == 0
        theirs = study.next_trial(neighbour, NEVER)
        assert theirs is not None
        study.optuna.add_trial(_claimed_by("another-machine:/a/worker"))
        assert study.beside(mine.number) == 1
        tell(study, theirs)
        assert study.beside(mine.number) == 0


def test_a_worker_that_died_before_choosing_costs_nothing() -> None:
    study = shared(budget=3)
    with study.liveness.at_work() as dead:
        ghost = dead
    study.optuna.add_trial(_claimed_by(ghost))
    assert work(study) == 3
    assert study.counts().counted == 3
    assert study.counts().failed == 0
    assert points(study) == list(GRID.all_params())[:3]


def _claimed_by(worker: str) -> FrozenTrial:
    attrs = {"worker": worker, "reservation": "t", "session": "1"}
    return create_trial(state=TrialState.RUNNING, user_attrs=attrs)


def test_an_interrupted_sweep_suggests_what_an_uninterrupted_one_does() -> None:
    whole = shared(LINE, 16, trials=16)
    work(whole)
    expected = points(whole)
    broken = shared(LINE, 16, study="t", trials=16)
    for i in range(8):
        work(broken, i % 3)
        broken = shared(LINE, 16, study="t", trials=16)
        with broken.liveness.at_work() as dying:
            broken.next_trial(dying, NEVER)  # its point is chosen, and then it dies
    work(broken)
    assert points(broken) == expected
    assert {len(params) for params in expected} == {2, 3}


def test_failures_do_not_count_stop_the_sweep_and_are_forgiven_by_the_next_start() -> None:
    study = shared(budget=12, max_failures=2)
    with study.liveness.at_work() as me:
        for _ in range(3):
            trial = study.next_trial(me, NEVER)
            assert trial is not None
            study.optuna.tell(trial.number, state=TrialState.FAIL)
        assert study.next_trial(me, NEVER) is None
    assert study.counts().failed == 3
    again = shared(budget=12, max_failures=2, session="2")
    assert work(again) == 12
    assert again.counts().failed == 0


def test_a_baseline_that_failed_is_the_first_again_at_the_next_start() -> None:
    baseline = {"a": 3, "b": "y"}
    study = shared(baseline=baseline)
    with study.liveness.at_work() as me:
        first = study.next_trial(me, NEVER)
        assert first is not None
        assert first.params == baseline
        first.set_user_attr("session", "1")
        study.optuna.tell(first.number, state=TrialState.FAIL)
        second = study.next_trial(me, NEVER)
        assert second is not None
        assert second.params != baseline
        tell(study, second)
    again = shared(baseline=baseline, session="2")
    with again.liveness.at_work() as me:
        third = again.next_trial(me, NEVER)
        assert third is not None
        assert third.params == baseline


@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler"])
def test_a_stepped_range_is_sampled_without_a_point_twice(sampler: str) -> None:
    space = parse({"x": "range(0.1,0.8,0.2)"}, {})[0]
    chosen = {"_target_": f"optuna.samplers.{sampler}"}
    study = shared(space, budget=4, trials=4, sampler=chosen, baseline={"x": 0.3})
    assert work(study) == 4
    assert sorted(params["x"] for params in points(study)) == [0.1, 0.3, 0.5, 0.7]  # type: ignore[type-var]


def test_no_trial_starts_after_the_deadline() -> None:
    study = shared()
    with study.liveness.at_work() as me:
        assert study.next_trial(me, time.time() - 1) is None


def test_a_line_torn_by_a_crash_costs_nothing(home: Path) -> None:
    work(shared(budget=3), 2)
    journal = home / "studies" / "s.log"
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"torn')
    study = shared(budget=3)
    assert work(study) == 1
    assert study.counts().counted == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "test/accuracy"}, "study.objective: a test metric would choose a model"),
        ({"trails": 3}, "study.trails: unknown key; did you mean 'trials'?"),
        ({"workers": 0}, "config: study.workers: should be auto or a number from 1, not 0"),
        ({"trials": 0}, "study.trials: should be greater than or equal to 1, not 0"),
        ({"pruner": {"_target_": "os.system"}}, "study.pruner._target_: "),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match="config: ") as error:
        settings(**changes)
    assert message in str(error.value)
