"""Workers that a launcher loses: how many are asked for again, how often. Nothing is trained."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import cast

import pytest
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import OmegaConf
from optuna.trial import Trial

from ferlab.hydra_private import error_of
from ferlab.outage import Patience
from ferlab.sweep.launchers.launched import launch
from tests.sweep.test_study import NEVER, shared, tell

Plan = list[Callable[[], None]]


class Lost(Exception):
    """As launchers raise it, in several lines."""

    def __init__(self) -> None:
        super().__init__("the node\n is dead")


def launched(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[JobReturn]]:
    """Launch three workers, with a step of a plan each time; how many were asked for, the end."""
    asked = []

    class Launcher:
        def launch(self, jobs: Sequence[object], initial_job_idx: int) -> list[JobReturn]:
            assert initial_job_idx == sum(asked)
            asked.append(len(jobs))
            plan[len(asked) - 1]()
            return [JobReturn(status=JobStatus.COMPLETED) for _ in jobs]

    def instantiate(*_: object, **__: object) -> Launcher:
        return Launcher()

    monkeypatch.setattr(Plugins.instance(), "instantiate_launcher", instantiate)
    context = cast("HydraContext", None)
    config = OmegaConf.create({"hydra": {"launcher": {}}})
    study = shared(budget=4)
    ended = launch(context, lambda _: None, config, [["a"]] * 3, study, Patience(0))
    return asked, list(ended)


def lose() -> None:
    raise Lost


def test_as_many_are_asked_for_as_are_no_longer_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    study = shared(budget=4)
    with ExitStack() as stack:
        trials: list[Trial] = []

        def work() -> None:
            for _ in range(3):
                worker = stack.enter_context(study.liveness.at_work())
                trial = study.next_trial(worker, NEVER)
                assert trial is not None
                trials.append(trial)

        def two_end() -> None:
            work()
            for trial in trials[:2]:
                tell(study, trial)
            raise Lost

        asked, ended = launched([two_end, lambda: None], monkeypatch)
    assert asked == [3, 2]
    assert [job.status for job in ended] == [JobStatus.COMPLETED] * 2


def test_losses_are_forgiven_as_long_as_trials_end_and_five_times_in_a_row_besides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = shared(budget=4)

    def one_trial() -> None:
        with study.liveness.at_work() as worker:
            trial = study.next_trial(worker, NEVER)
            assert trial is not None
            tell(study, trial)
        raise Lost

    asked, (ended,) = launched([one_trial, lose, one_trial, *[lose] * 5], monkeypatch)
    assert asked == [3] * 8
    assert str(error_of(ended)) == "Lost: the node is dead"


def test_a_launcher_that_never_had_a_worker_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, (ended,) = launched([lose], monkeypatch)
    assert asked == [3]
    assert str(error_of(ended)) == "Lost: the node is dead"


def test_nobody_is_asked_for_once_all_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    study = shared(budget=4)

    def finish() -> None:
        with study.liveness.at_work() as worker:
            while (trial := study.next_trial(worker, NEVER)) is not None:
                tell(study, trial)
        raise Lost

    assert launched([finish], monkeypatch) == ([3], [])
