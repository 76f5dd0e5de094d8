"""What is known of a study's trials, kept up to date by what is new of them."""

import bisect
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ferlab.study.params import Params
from ferlab.sweep.search.free_points import FreePoints
from ferlab.sweep.search.sampler import DRAWN
from ferlab.sweep.workers import outside

_USING_BUDGET = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


@dataclass(frozen=True)
class Counts:
    """How many trials of a study are what."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    retried: int = 0

    @property
    def counted(self) -> int:
        """Those that use up the budget."""
        return self.complete + self.pruned


@dataclass(frozen=True)
class _Share:
    """What one trial adds to the sums; a point only if it was chosen and had its chance."""

    state: TrialState
    failed_now: bool
    retried: int
    has_chosen: bool
    tried: Params | None


class Ledger:
    """The trials of a study, and sums over them, as they were when `refresh` was last called.

    What has ended stays as it is, so that only the other trials, and new ones, are looked at again.
    Those of ferlab's workers count that are not withdrawn, and have a point of the space, or none
    yet.

    Args:
        study: whose trials they are.
        seen: how a sampler knows of each of them.
        free: points of the space; those that are tried are taken from them.
        session: this start of the command, in which alone a failure counts.
        baseline: its point; None where none was declared.

    Attributes:
        chosen: how many of those that count have chosen their points.
        drawn: what the last of them to draw has under `DRAWN`; None before the first.
    """

    def __init__(
        self,
        study: optuna.Study,
        seen: outside.Seen,
        free: FreePoints,
        session: str,
        baseline: Params | None,
    ) -> None:
        self._study = study
        self._seen = seen
        self._free = free
        self._session = session
        self._baseline = baseline
        self._trials: list[FrozenTrial] = []
        self._open: dict[int, _Share | None] = {}
        self._states: Counter[TrialState] = Counter()
        self._failed_now = 0
        self._retried = 0
        self._using_budget: list[int] = []
        self._tries_of_baseline: set[int] = set()
        self._changed: set[int] = set()
        self._known: list[FrozenTrial | None] = []
        self.chosen = 0
        self.drawn: Any = None

    def refresh(self) -> None:
        """Read what is new."""
        trials = self._study.get_trials(deepcopy=False)
        self._seen.moved()  # read now: what follows is done as a whole, wherever the storage is
        before, self._trials = self._trials, trials
        for number in [*self._open, *range(len(before), len(self._trials))]:
            if number >= len(before) or self._trials[number] is not before[number]:
                self._take(self._trials[number])

    def counts(self) -> Counts:
        """How many trials are what."""
        return Counts(
            complete=self._states[TrialState.COMPLETE],
            pruned=self._states[TrialState.PRUNED],
            failed=self._failed_now,
            running=self._states[TrialState.RUNNING],
            retried=self._retried,
        )

    def trials(self) -> list[FrozenTrial]:
        """All that count, by number."""
        return list(filter(self._counts, self._trials))

    def trial(self, number: int) -> FrozenTrial:
        """One of them."""
        return self._trials[number]

    def running(self) -> list[FrozenTrial]:
        """Those that count and have not ended, by number."""
        return [self._trials[n] for n, share in sorted(self._open.items()) if share is not None]

    def waiting(self) -> list[FrozenTrial]:
        """Those that were enqueued and are not trained yet, by number."""
        return outside.waiting([self._trials[number] for number in sorted(self._open)])

    def using_budget(self, below: float = math.inf) -> int:
        """How many of a lower number use up the budget, or will if they do not fail."""
        return bisect.bisect_left(self._using_budget, below)

    def has_tried_baseline(self, below: int) -> bool:
        """Whether a trial of a lower number has the baseline's point, and had its chance."""
        return any(number < below for number in self._tries_of_baseline)

    def failed_now(self, trial: FrozenTrial) -> bool:
        """Whether it failed in this session."""
        return trial.state == TrialState.FAIL and trial.user_attrs.get("session") == self._session

    def point_of(self, trial: FrozenTrial) -> Params | None:
        """The point of a trial that has chosen; None if the space has none such any more."""
        return outside.point_of(trial, self._seen.moved())

    def known(self) -> list[FrozenTrial]:
        """The study's trials as a sampler is to know of them now, by number."""
        self.refresh()
        self._known += [None] * (len(self._trials) - len(self._known))
        for number in self._changed:
            self._known[number] = self._seen(self._trials[number])
        self._changed.clear()
        return [trial for trial in self._known if trial is not None]

    def _counts(self, trial: FrozenTrial) -> bool:
        return (
            outside.is_own(trial)
            and not outside.is_withdrawn(trial)
            and ("params" not in trial.user_attrs or self.point_of(trial) is not None)
        )

    def _take(self, trial: FrozenTrial) -> None:
        """Put what a trial is now in the place of what it was."""
        number = trial.number
        self._changed.add(number)
        before = self._open.pop(number, None)
        share = self._share_of(trial) if self._counts(trial) else None
        if not trial.state.is_finished():
            self._open[number] = share
        if share == before:
            return
        if share is not None and share.tried is not None:  # before it is given back
            self._free.take(share.tried)
        if before is not None:
            self._add(number, before, -1)
            if before.tried is not None:
                self._free.give_back(before.tried)
        if share is not None:
            self._add(number, share, 1)
            if share.has_chosen and DRAWN in trial.system_attrs:
                self.drawn = max(self.drawn or [], trial.system_attrs[DRAWN])

    def _share_of(self, trial: FrozenTrial) -> _Share:
        failed_now, attrs = self.failed_now(trial), trial.user_attrs
        has_chosen = "params" in attrs
        had_chance = trial.state != TrialState.FAIL or failed_now
        return _Share(
            state=trial.state,
            failed_now=failed_now,
            retried=sum(attrs.get("attempts", ())),
            has_chosen=has_chosen,
            tried=self.point_of(trial) if has_chosen and had_chance else None,
        )

    def _add(self, number: int, share: _Share, sign: int) -> None:
        self._states[share.state] += sign
        self._failed_now += sign * share.failed_now
        self._retried += sign * share.retried
        self.chosen += sign * share.has_chosen
        if share.state in _USING_BUDGET:
            place = bisect.bisect_left(self._using_budget, number)
            self._using_budget[place : place + (sign < 0)] = [number] if sign > 0 else []
        if share.tried is not None and share.tried == self._baseline:
            update = self._tries_of_baseline.add if sign > 0 else self._tries_of_baseline.discard
            update(number)
