"""Sums over a study's trials that are kept up to date: they equal those over all trials."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from ferlab.optuna_private import fail_trial, open_trial, set_system_attr, start_trial
from ferlab.study.params import Params
from ferlab.sweep.search.free_points import FreePoints
from ferlab.sweep.search.sampler import DRAWN
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.ledger import Ledger

GRID = parse({"a": "choice(1,2,3)", "b": "choice(x,y)"}, {})[0]
POINTS = list(GRID.all_params())
MOVED: dict[str, Params | None] = {"1": None, "3": POINTS[0]}
"""What trials 1 and 3 were before the space was changed."""


def is_dear(params: Params) -> bool:
    return params == POINTS[1]


def ledgers(study: optuna.Study) -> tuple[Ledger, FreePoints]:
    free = FreePoints(GRID, lambda params: not is_dear(params))
    seen = outside.Seen(GRID, lambda: MOVED)
    return Ledger(study, seen, free, "now", POINTS[0]), free


def told(ledger: Ledger, free: FreePoints) -> dict[str, Any]:
    """All that a ledger says."""
    ledger.refresh()
    numbers = range(len(ledger.trials()) + 20)
    return {
        "counts": astuple(ledger.counts()),
        "trials": [trial.number for trial in ledger.trials()],
        "running": [trial.number for trial in ledger.running()],
        "waiting": [trial.number for trial in ledger.waiting()],
        "using": [ledger.using_budget(below=number) for number in numbers],
        "baseline": [ledger.has_tried_baseline(below=number) for number in numbers],
        "chosen": ledger.chosen,
        "drawn": ledger.drawn,
        "known": [(t.number, t.state, t.params, t.values) for t in ledger.known()],
        "free": [params in free for params in POINTS],
        "first": free.first({}),
        "first y": free.first({"b": "y"}),
        "left": free.are_left(),
    }


def recounted(study: optuna.Study) -> dict[str, Any]:
    """The same, from all trials as they are."""
    trials = [
        t for t in study.get_trials() if outside.is_own(t) and "withdrawn" not in t.user_attrs
    ]
    points = {
        t.number: MOVED.get(str(t.number), t.user_attrs["params"])
        for t in trials
        if "params" in t.user_attrs
    }
    trials = [t for t in trials if points.get(t.number, {}) is not None]
    failed = [t for t in trials if t.state == TrialState.FAIL and t.user_attrs["session"] == "now"]
    chosen = [t for t in trials if "params" in t.user_attrs]
    tried = [t for t in chosen if t.state != TrialState.FAIL or t in failed]
    states = Counter(t.state for t in trials)
    using = [t.number for t in trials if t.state != TrialState.FAIL]
    free = [p for p in POINTS if not is_dear(p) and p not in [points[t.number] for t in tried]]
    baseline = [t.number for t in tried if points[t.number] == POINTS[0]]
    numbers = range(len(trials) + 20)
    seen = filter(None, map(outside.Seen(GRID, lambda: MOVED), study.get_trials()))
    return {
        "counts": (
            *(states[TrialState.COMPLETE], states[TrialState.PRUNED], len(failed)),
            *(states[TrialState.RUNNING], sum(sum(t.user_attrs["attempts"]) for t in trials)),
        ),
        "trials": [t.number for t in trials],
        "running": [t.number for t in trials if t.state == TrialState.RUNNING],
        "waiting": [t.number for t in study.get_trials() if t.state == TrialState.WAITING],
        "using": [sum(other < number for other in using) for number in numbers],
        "baseline": [any(other < number for other in baseline) for number in numbers],
        "chosen": len(chosen),
        "drawn": max((t.system_attrs[DRAWN] for t in chosen), default=None),
        "known": [(t.number, t.state, t.params, t.values) for t in seen],
        "free": [params in free for params in POINTS],
        "first": next(iter(free), None),
        "first y": next((p for p in free if p["b"] == "y"), None),
        "left": bool(free),
    }


def of(study: optuna.Study, pick: int, state: TrialState) -> FrozenTrial | None:
    """One of the trials in a state."""
    trials = study.get_trials(states=[state])
    return trials[pick % len(trials)] if trials else None


def claim(study: optuna.Study, pick: int) -> None:
    attrs = {"worker": f"w{pick}", "session": ("now", "before")[pick % 2], "attempts": [0]}
    study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))


def add_result(study: optuna.Study, pick: int) -> None:
    distributions = {param.key: param.distribution for param in GRID.parameters}
    params = {**POINTS[pick % len(POINTS)]}
    study.add_trial(create_trial(params=params, distributions=distributions, value=0.5))


def enqueue(study: optuna.Study, pick: int) -> None:
    study.enqueue_trial(POINTS[pick % len(POINTS)])


def start(study: optuna.Study, pick: int) -> None:
    if trial := of(study, pick, TrialState.WAITING):
        for key, value in (("worker", "w"), ("session", "now"), ("attempts", [pick % 3])):
            open_trial(study, trial).set_user_attr(key, value)
        start_trial(study, trial)


def undecided(study: optuna.Study, pick: int) -> FrozenTrial | None:
    """A running trial without a point; no worker steps back from another."""
    trial = of(study, pick, TrialState.RUNNING)
    return None if trial is None or "params" in trial.user_attrs else trial


def choose(study: optuna.Study, pick: int) -> None:
    if trial := undecided(study, pick):
        draws = sum(DRAWN in other.system_attrs for other in study.get_trials())
        set_system_attr(study, trial, DRAWN, [draws, [["key", pick]]])
        open_trial(study, trial).set_user_attr("params", POINTS[pick % len(POINTS)])


def retry(study: optuna.Study, pick: int) -> None:
    if trial := of(study, pick, TrialState.RUNNING):
        open_trial(study, trial).set_user_attr("attempts", [pick % 3, 1])


def end(state: TrialState) -> Callable[[optuna.Study, int], None]:
    def ended(study: optuna.Study, pick: int) -> None:
        if trial := of(study, pick, TrialState.RUNNING):
            study.tell(trial.number, 0.5 if state == TrialState.COMPLETE else None, state)

    return ended


def withdraw(study: optuna.Study, pick: int) -> None:
    if trial := undecided(study, pick):
        open_trial(study, trial).set_user_attr("withdrawn", True)
        if pick % 2:  # else its worker was killed between the two
            fail_trial(study, trial)


def give_up(study: optuna.Study, pick: int) -> None:
    """Leave an enqueued trial to whoever runs it."""
    if trial := undecided(study, pick):
        open_trial(study, trial).set_user_attr("worker", "")


STEPS = {
    "claim": claim,
    "add": add_result,
    "enqueue": enqueue,
    "start": start,
    "choose": choose,
    "retry": retry,
    "complete": end(TrialState.COMPLETE),
    "prune": end(TrialState.PRUNED),
    "fail": end(TrialState.FAIL),
    "withdraw": withdraw,
    "give up": give_up,
}
"""What may happen to a study, by whomever."""

LOOK = "look"


def storage(kind: str, folder: Path) -> BaseStorage:
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "log")))
    return RDBStorage("sqlite://")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["journal", "database"])
def test_what_is_kept_up_to_date_equals_a_full_recount(
    kind: str, seed: int, tmp_path: Path
) -> None:
    study = optuna.create_study(storage=storage(kind, tmp_path), direction="maximize")
    kept, draw = ledgers(study), random.Random(seed)
    for _ in range(30):
        step = draw.choice(["claim", "choose", LOOK, *STEPS])
        if step == LOOK:
            assert told(*kept) == recounted(study)
        else:
            STEPS[step](study, draw.randrange(12))
    assert told(*kept) == recounted(study)
    assert told(*ledgers(study)) == recounted(study)
