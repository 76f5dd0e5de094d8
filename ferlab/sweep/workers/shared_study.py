"""A study that many workers share: which trials count, which are left, whose worker is gone.

No lock spans the workers, so that any storage on any number of machines will do. A trial's
number is its ticket instead: whoever holds a higher one waits until all lower ones have chosen
their points, and steps back if they already fill the budget.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from ferlab.config.study import StudyConfig
from ferlab.study.params import Params, identity
from ferlab.sweep.search.constraints import Limits
from ferlab.sweep.search.sampler import Chosen, build_pruner, choose
from ferlab.sweep.search.space import Space
from ferlab.sweep.workers.liveness import Liveness
from ferlab.sweep.workers.storage import open_storage

_COUNTS = (TrialState.COMPLETE, TrialState.PRUNED)
_POLL = 0.2
"""Seconds between two looks at what other workers do."""


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


class SharedStudy:
    """One worker's, or the sweeper's, view of a study.

    Args:
        name: of the study.
        config: of the study.
        space: to search.
        limits: which points may be chosen.
        budget: how many trials are to count.
        sitting: which start of the command this is; failures are counted and forgiven per sitting.
    """

    def __init__(
        self,
        name: str,
        config: StudyConfig,
        space: Space,
        limits: Limits,
        budget: int,
        sitting: str,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self.config = config
        self.sitting = sitting
        self._space = space
        self._limits = limits
        self._budget = budget
        self.baseline = None if config.baseline is None else space.point(config.baseline)
        self._chosen = Chosen()
        self.optuna = optuna.create_study(
            storage=open_storage(config.storage, name),
            study_name=name,
            directions=["minimize" if less else "maximize" for less in config.minimised],
            sampler=self._chosen,
            pruner=build_pruner(config.pruner),
            load_if_exists=True,
        )

        self.liveness = Liveness(self.optuna)

    def trials(self) -> list[FrozenTrial]:
        """All trials but those withdrawn, by number."""
        trials = self.optuna.get_trials(deepcopy=False)
        return [trial for trial in trials if "withdrawn" not in trial.user_attrs]

    def counts(self) -> Counts:
        """How many trials are what; failed ones of this sitting only."""
        trials = self.trials()
        states = [trial.state for trial in trials]
        return Counts(
            complete=states.count(TrialState.COMPLETE),
            pruned=states.count(TrialState.PRUNED),
            failed=sum(self._failed_now(trial) for trial in trials),
            running=states.count(TrialState.RUNNING),
            retried=sum(sum(trial.user_attrs.get("attempts", ())) for trial in trials),
        )

    def is_over(self) -> bool:
        """Whether enough trials count, or too many failed."""
        counts = self.counts()
        return counts.counted >= self._budget or counts.failed > self.config.max_failures

    def next_trial(self, worker: str, deadline: float) -> Trial | None:
        """A trial to train, with its point: an orphan's, else a new one.

        Waits while all that is left is in the hands of others, for one of them may fail.

        Args:
            worker: who asks; see `Liveness.at_work`.
            deadline: no trial is new after this time (`time.time`); orphans are still finished.

        Returns:
            None once there is nothing left to do.
        """
        while not self.is_over():
            trials = self.trials()
            running = [trial for trial in trials if trial.state == TrialState.RUNNING]
            adopted = next(filter(None, (self._adopt(trial, worker) for trial in running)), None)
            if adopted is not None:
                return adopted
            used = sum(trial.state in _COUNTS for trial in trials) + len(running)
            is_full = used >= self._budget or not self._has_point_left(trials)
            if not is_full and time.time() < deadline:
                claimed = self._claim(worker)
                if claimed is not None:
                    return claimed
            elif not running:
                return None
            time.sleep(_POLL)
        return None

    def _claim(self, worker: str) -> Trial | None:
        """A new trial with its point, or None if others were quicker."""
        ticket = uuid.uuid4().hex
        self.optuna.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                user_attrs={"worker": worker, "ticket": ticket, "sitting": self.sitting},
            )
        )
        mine = next(t for t in reversed(self.trials()) if t.user_attrs.get("ticket") == ticket)
        while any(map(self._is_choosing, self._below(mine))):
            time.sleep(_POLL / 10)
        lower = self._below(mine)
        used = sum(t.state in _COUNTS or t.state == TrialState.RUNNING for t in lower)
        point = None
        if used < self._budget:
            point = self._choose(mine, lower)
        if point is None:
            self._withdraw(mine)
            return None
        trial = self._open(mine)
        trial.set_user_attr("point", point)
        return self._with_params(trial, point)

    def _choose(self, mine: FrozenTrial, lower: Sequence[FrozenTrial]) -> Params | None:
        tried = [t.user_attrs.get("point") for t in lower if self._is_tried(t)]
        if self.baseline is not None and self.baseline not in tried:
            return self.baseline
        config, is_free = self.config, self._is_free(lower)
        sampler = None if config.trials is None else config.sampler
        return choose(self._space, sampler, config.seed + len(lower), self.optuna, mine, is_free)

    def _adopt(self, orphan: FrozenTrial, worker: str) -> Trial | None:
        """Take over a trial whose worker is gone; None if it is not, or another was quicker."""
        before = orphan.user_attrs["worker"]
        if before == worker:
            return None
        with self.liveness.dead(before) as is_dead:
            if not is_dead or not self.liveness.is_heir(orphan, worker):
                return None
            now = self._again(orphan)
            if now.state.is_finished() or now.user_attrs["worker"] != before:
                return None
            if "point" not in now.user_attrs:
                self._withdraw(now)  # others may have gone past it, so it must not choose now
                return None
            trial = self._open(now)
            trial.set_user_attr("deaths", now.user_attrs.get("deaths", 0) + 1)
            trial.set_user_attr("worker", worker)
        return self._with_params(trial, now.user_attrs["point"])

    def _with_params(self, trial: Trial, point: Params) -> Trial:
        self._chosen.point = point
        for param in self._space.params:
            if param.key in point:
                trial._suggest(param.key, param.distribution)
        return trial

    def _is_choosing(self, trial: FrozenTrial) -> bool:
        if trial.state.is_finished() or "point" in trial.user_attrs:
            return False
        return not self.liveness.is_dead(trial.user_attrs["worker"])

    def _below(self, mine: FrozenTrial) -> list[FrozenTrial]:
        return [trial for trial in self.trials() if trial.number < mine.number]

    def _is_free(self, trials: Sequence[FrozenTrial]) -> Callable[[Params], bool]:
        """Whether a point is within the limits and neither trained nor being trained.

        One that failed in an earlier sitting may go again; in a space without end, each may.
        """
        taken = {
            identity(trial.user_attrs["point"])
            for trial in trials
            if self._space.is_finite and "point" in trial.user_attrs and self._is_tried(trial)
        }
        return lambda point: identity(point) not in taken and self._limits(point)

    def _has_point_left(self, trials: Sequence[FrozenTrial]) -> bool:
        return not self._space.is_finite or any(map(self._is_free(trials), self._space.points()))

    def _is_tried(self, trial: FrozenTrial) -> bool:
        """Whether it has had its chance, in this sitting if it failed."""
        return trial.state != TrialState.FAIL or self._failed_now(trial)

    def _failed_now(self, trial: FrozenTrial) -> bool:
        return trial.state == TrialState.FAIL and trial.user_attrs.get("sitting") == self.sitting

    def _withdraw(self, trial: FrozenTrial) -> None:
        self._open(trial).set_user_attr("withdrawn", True)
        self.optuna.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    def _open(self, trial: FrozenTrial) -> Trial:
        return Trial(self.optuna, trial._trial_id)

    def _again(self, trial: FrozenTrial) -> FrozenTrial:
        return next(t for t in self.optuna.get_trials(deepcopy=False) if t.number == trial.number)
