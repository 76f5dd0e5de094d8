"""A study that many workers share: which trials count, which are left, whose worker is gone.

No lock spans the workers, so that any storage on any number of machines will do. A trial's
number is its reservation instead: whoever holds a higher one waits until all lower ones have chosen
their points, and steps back if they already fill the budget.
"""

import time
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from ferlab.config.study import StudyConfig
from ferlab.errors import TakenOver
from ferlab.optuna_private import fail_trial, open_trial, start_trial
from ferlab.outage import Patience
from ferlab.study.params import Params
from ferlab.sweep.search.components import build_sampler
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.free_points import FreePoints
from ferlab.sweep.search.sampler import Chooser, ask
from ferlab.sweep.search.space import Space, stored
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.identity import IDENTITY, make_or_join
from ferlab.sweep.workers.ledger import Counts, Ledger
from ferlab.sweep.workers.liveness import TIMEOUT, Liveness
from ferlab.tracking.study_runs import StudyKey

_POLL = 0.2
"""Seconds between two looks at what other workers do."""


def said_by(worker: str) -> str:
    """The attribute of a study with the last line that a worker has said."""
    return f"last line of {worker}"


class SharedStudy:
    """One worker's, or the sweeper's, view of a study.

    Args:
        name: of the study.
        config: of the study.
        space: to search.
        is_feasible: which points may be chosen.
        budget: how many trials are to count.
        session: which start of the command this is; failures are counted and forgiven per session.
        patience: of the worker, with what is away; a step that is done tells it that it is back.
    """

    def __init__(
        self,
        name: str,
        config: StudyConfig,
        space: Space,
        is_feasible: Feasibility,
        budget: int,
        session: str,
        patience: Patience | None = None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self.config = config
        self.session = session
        self._space = space
        self._is_feasible = is_feasible
        self._budget = budget
        self.baseline = None if config.baseline is None else space.params_of(config.baseline)
        sampler = None if config.trials is None else build_sampler(config.sampler, config.seed)
        self._chooser = Chooser(sampler, self._known)
        self.optuna, self.is_new = make_or_join(name, config, self._chooser)
        self.key = StudyKey(name, self.optuna.user_attrs[IDENTITY])
        self.liveness = Liveness(self.optuna, at_home=config.storage is None)
        self.patience = patience or Patience(0)
        self._worker = ""
        self._free = FreePoints(space, is_feasible)
        seen = outside.Seen(space, lambda: self._moved)
        self._ledger = Ledger(self.optuna, seen, self._free, session, self.baseline)

    def trials(self) -> list[FrozenTrial]:
        """All trials of ferlab's workers but those withdrawn, or out of the space, by number."""
        self._ledger.refresh()
        return self._ledger.trials()

    def trial(self, number: int) -> FrozenTrial:
        """One of the study's trials, as it is now."""
        self._ledger.refresh()
        return self._ledger.trial(number)

    def point_of(self, trial: FrozenTrial) -> Params | None:
        """The point of a trial that has chosen; None if the space has none such any more."""
        return self._ledger.point_of(trial)

    def _known(self) -> list[FrozenTrial]:
        """The trials as a sampler is to know of them."""
        return self._ledger.known()

    @cached_property
    def _moved(self) -> dict[str, Params | None]:
        moved: dict[str, Params | None] = self.optuna.user_attrs.get("moved", {})
        return moved

    @cached_property
    def _names(self) -> dict[str, str]:
        return outside.names(self.optuna, self._space)

    def counts(self) -> Counts:
        """How many trials are what; failed ones of this session only."""
        self._ledger.refresh()
        return self._ledger.counts()

    def mistakes(self) -> list[FrozenTrial]:
        """The trials that failed in this session because their configs are wrong."""
        failed = filter(self._ledger.failed_now, self.trials())
        return [trial for trial in failed if "mistake" in trial.user_attrs]

    def beside(self, number: int) -> int:
        """How many other trials are being trained on the machine that trains this one."""
        self._ledger.refresh()
        hosts = [t.user_attrs["worker"].partition(":")[0] for t in self._ledger.running()]
        own = self._ledger.trial(number).user_attrs["worker"].partition(":")[0]
        return hosts.count(own) - 1

    def is_over(self) -> bool:
        """Whether enough trials count, or too many failed."""
        counts = self.counts()
        return counts.counted >= self._budget or counts.failed > self.config.max_failures

    def next_trial(self, worker: str, deadline: float) -> Trial | None:
        """A trial to train, with its point: an abandoned one, else a new one.

        Waits while all that is left is in the hands of others, for one of them may fail. A trial
        that this worker had to leave, for a store or the disk was away, is taken up first.

        Args:
            worker: who asks; see `Liveness.at_work`.
            deadline: no trial is new after this time (`time.time`); abandoned ones are finished.

        Returns:
            None once there is nothing left to do.
        """
        self._worker = worker
        while not self.is_over():
            running = self._ledger.running()
            adopted = next(filter(None, (self._adopt(trial, worker) for trial in running)), None)
            if adopted is not None:
                return adopted
            has_point = self._free.are_left() or self._ledger.waiting()
            is_full = self._ledger.using_budget() >= self._budget or not has_point
            if not is_full and time.time() < deadline:
                claimed = self._claim(worker)
                if claimed is not None:
                    return claimed
            elif not running:
                return None
            self.patience.reset()
            time.sleep(_POLL)
        return None

    def _claim(self, worker: str) -> Trial | None:
        """A new trial with its point, or None if others were quicker."""
        reservation = uuid.uuid4().hex
        self.optuna.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                user_attrs={"worker": worker, "reservation": reservation, "session": self.session},
            )
        )
        self._ledger.refresh()
        mine = next(
            t
            for t in reversed(self._ledger.running())
            if t.user_attrs.get("reservation") == reservation
        )
        while choosing := self._choosing_below(mine):
            time.sleep(choosing * _POLL / 10)  # they choose one after the other
            self._ledger.refresh()
        enqueued = self._take_enqueued(mine, worker)
        if enqueued is not None:
            self._withdraw(mine)
            return enqueued
        trial = self._chosen(mine, self._baseline_first(mine))
        if trial is None:
            self._withdraw(mine)
        return trial

    def _take_enqueued(self, mine: FrozenTrial, worker: str) -> Trial | None:
        """A point that somebody enqueued, with its own trial; who holds ``mine`` is the only one.

        What it leaves open is drawn. One that cannot be trained is skipped, and says why.
        """
        if self._baseline_first(mine):
            return None
        for trial in self._ledger.waiting():
            self._ledger.refresh()
            if trial.number > mine.number or self._is_full_below(trial):
                return None
            values = outside.enqueued_values(trial)
            if problems := self._space.problems(values, some=True):
                outside.skip(self.optuna, trial, "; ".join(f"{k} {text}" for k, text in problems))
                continue
            opened = self._open(trial)
            for key, value in (("worker", worker), ("session", self.session), ("enqueued", True)):
                opened.set_user_attr(key, value)
            if not start_trial(self.optuna, trial):
                opened.set_user_attr("worker", "")  # whoever runs it, ferlab does not
                continue
            if (taken := self._chosen(self.trial(trial.number), values)) is not None:
                return taken
            opened.set_user_attr("worker", "")
            is_point = not self._space.problems(values)
            is_dear = is_point and not self._is_feasible(self._space.params_of(values))
            why = "costs more than study.constraints allow" if is_dear else "was trained already"
            outside.skip(self.optuna, trial, why)
        return None

    def _chosen(self, mine: FrozenTrial, fixed: Mapping[str, Any]) -> Trial | None:
        """The trial with its point, unless the budget or the space is used up; no other chooses."""
        if self._is_full_below(mine):
            return None
        params = self._chooser.choose(
            self._space,
            self.optuna,
            mine,
            {key: stored(value) for key, value in fixed.items()},
            self._ledger.drawn,
            self._free,
            self.config.seed + self._ledger.chosen,
        )
        if params is None:
            return None
        trial = self._open(mine)
        trial.set_user_attr("params", params)
        return self._with_params(trial, params)

    def _is_full_below(self, trial: FrozenTrial) -> bool:
        """Whether the trials of lower numbers, enqueued ones among them, fill the budget."""
        waiting = sum(other.number < trial.number for other in self._ledger.waiting())
        return self._ledger.using_budget(below=trial.number) + waiting >= self._budget

    def _baseline_first(self, mine: FrozenTrial) -> Params:
        """The baseline, where it has not had its chance; else nothing."""
        if self.baseline is None or self._ledger.has_tried_baseline(below=mine.number):
            return {}
        return self.baseline

    def _adopt(self, abandoned: FrozenTrial, worker: str) -> Trial | None:
        """Take over a trial whose worker is gone; None if it is not, or another was quicker."""
        before = abandoned.user_attrs["worker"]
        if before == worker:  # it had to leave it
            return self._take(abandoned, worker, deaths=0)
        with self.liveness.dead(before) as is_dead:
            if not is_dead or not self.liveness.is_new_owner(abandoned, worker):
                return None
            now = self.trial(abandoned.number)
            if now.state.is_finished() or now.user_attrs["worker"] != before:
                return None
            return self._take(now, worker, deaths=1)

    def _take(self, left: FrozenTrial, worker: str, deaths: int) -> Trial | None:
        """Go on with a trial that was left; None where nothing can come of it.

        Args:
            left: the trial.
            worker: who goes on.
            deaths: how many workers died when it was left.
        """
        if "params" not in left.user_attrs:
            if "enqueued" in left.user_attrs:
                self.optuna.enqueue_trial(outside.enqueued_values(left))
            self._withdraw(left)  # others may have gone past it, so it must not choose now
            return None
        params = self.point_of(left)
        if params is None:
            self._withdraw(left)
            return None
        trial = self._open(left)
        trial.set_user_attr("params", params)
        trial.set_user_attr("deaths", left.user_attrs.get("deaths", 0) + deaths)
        trial.set_user_attr("session", self.session)
        trial.set_user_attr("worker", worker)
        return self._with_params(trial, params)

    def require_mine(self, trial: Trial) -> None:
        """Make sure that a trial is still that of the worker who has asked for it.

        Raises:
            TakenOver: another took it, for this one was not heard of for too long.
        """
        # Optuna's own object knows of no change but its own.
        if self.trial(trial.number).user_attrs["worker"] != self._worker:
            raise TakenOver(
                f"trial {trial.number} is another worker's now; this one was not heard of for "
                f"{TIMEOUT:.0f} s"
            )

    def _with_params(self, trial: Trial, params: Params) -> Trial:
        self._chooser.params = {self._names[key]: value for key, value in params.items()}
        for param in self._space.parameters:
            if param.key in params:
                ask(trial, param, self._names[param.key])
        return trial

    def _choosing_below(self, mine: FrozenTrial) -> int:
        """How many trials of lower numbers are yet to choose; 0 if the workers of all are gone."""
        choosing = [
            trial
            for trial in self._ledger.running()
            if trial.number < mine.number and "params" not in trial.user_attrs
        ]
        is_any = any(not self.liveness.is_dead(trial.user_attrs["worker"]) for trial in choosing)
        return len(choosing) if is_any else 0

    def _withdraw(self, trial: FrozenTrial) -> None:
        self._open(trial).set_user_attr("withdrawn", True)
        fail_trial(self.optuna, trial)

    def _open(self, trial: FrozenTrial) -> Trial:
        return open_trial(self.optuna, trial)
