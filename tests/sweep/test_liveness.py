"""Who is still there: seen at once on one machine, by heartbeats from another."""

import threading
import time
from pathlib import Path

import pytest

from ferlab.errors import TakenOver
from ferlab.optuna_private import open_trial
from ferlab.sweep.workers import liveness as module
from ferlab.sweep.workers.liveness import Liveness
from tests.processes import wait_until
from tests.sweep.test_study import NEVER, shared, tell


def test_a_worker_of_this_machine_is_dead_as_soon_as_its_lock_is_free(home: Path) -> None:
    watch = shared().liveness
    with watch.at_work() as worker:
        assert not watch.is_dead(worker)
    assert watch.is_dead(worker)
    assert list((home / "studies" / "workers").iterdir()) == []


def test_a_machine_is_told_by_its_home_from_another_of_its_name(home: Path) -> None:
    watch = Liveness(shared().optuna, "container")
    with watch.at_work() as worker:
        assert not watch.is_dead(worker)
    assert watch.is_dead(worker)
    assert not Liveness(shared().optuna, "other").is_dead(worker)  # its heartbeats may come yet
    (home / "studies" / "workers" / "mark").write_text("what this path is on another machine")
    assert not watch.is_dead(worker)


def test_a_worker_of_another_machine_is_dead_once_its_heartbeats_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    monkeypatch.setattr(module, "TIMEOUT", 2.0)
    study = shared()
    there, here = Liveness(study.optuna, "there"), Liveness(study.optuna, "here")
    with there.at_work() as worker:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert not here.is_dead(worker)
            time.sleep(0.1)
    wait_until(lambda: here.is_dead(worker))


def test_whether_any_worker_is_there_is_watched_as_long_as_it_takes_to_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    monkeypatch.setattr(module, "TIMEOUT", 2.0)
    monkeypatch.setattr(module, "_FRESH", 0.2)
    study = shared()
    there = Liveness(study.optuna, "there")
    with there.at_work() as gone:
        pass
    with Liveness(study.optuna, "there").at_work() as other, study.liveness.at_work() as own:
        assert Liveness(study.optuna, "here").still_there([gone, other]) == other
        assert study.liveness.still_there([own]) == own
    assert Liveness(study.optuna, "here").still_there([gone, other]) is None
    assert Liveness(study.optuna, "here").still_there([]) is None


def test_an_abandoned_trial_of_another_machine_gets_one_new_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    monkeypatch.setattr(module, "TIMEOUT", 2.0)
    monkeypatch.setattr(module, "_SETTLE", 0.5)
    lost = shared(budget=1)
    lost.liveness = Liveness(lost.optuna, "there")
    with lost.liveness.at_work() as dead:
        abandoned = lost.next_trial(dead, NEVER)
    assert abandoned is not None
    claimants: list[tuple[int, dict[str, object]]] = []

    def adopt(machine: str) -> None:
        study = shared(budget=1)
        study.liveness = Liveness(study.optuna, machine)
        with study.liveness.at_work() as me:
            if (trial := study.next_trial(me, NEVER)) is not None:
                claimants.append((trial.number, trial.params))
                time.sleep(1)
                tell(study, trial)

    threads = [threading.Thread(target=adopt, args=(f"machine{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claimants == [(abandoned.number, abandoned.params)]


def test_who_was_not_heard_of_sees_that_the_trial_is_anothers() -> None:
    study = shared(budget=1)
    with study.liveness.at_work() as me:
        trial = study.next_trial(me, NEVER)
        assert trial is not None
        study.require_mine(trial)
        other = shared(budget=1)
        open_trial(other.optuna, other.trial(trial.number)).set_user_attr("worker", "there:another")
        with pytest.raises(TakenOver, match=r"^trial 0 is another worker's now; this one was not"):
            study.require_mine(trial)


def test_a_trial_that_its_worker_had_to_leave_is_its_own_to_go_on_with() -> None:
    study = shared(budget=1)
    with study.liveness.at_work() as me:
        left = study.next_trial(me, NEVER)
        again = study.next_trial(me, NEVER)
        assert left is not None
        assert again is not None
        assert (again.number, again.params) == (left.number, left.params)
        assert again.user_attrs["deaths"] == 0  # nobody died of it
        tell(study, again)


def test_no_time_counts_in_which_the_storage_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    monkeypatch.setattr(module, "_FRESH", -1.0)
    study = shared()
    here = Liveness(study.optuna, "here")
    assert not here.is_dead("there:worker")
    time.sleep(0.3)
    here._deaf = time.monotonic() + 3600  # as a heartbeat that fails leaves it, again and again
    assert not here.is_dead("there:worker")
    here._deaf = time.monotonic()
    wait_until(lambda: here.is_dead("there:worker"))
