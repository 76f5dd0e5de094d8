"""A trial under one of its seeds: one run, tried again where it failed by chance."""

import shutil
import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from optuna.trial import Trial, TrialState

from ferlab import instantiate, paths
from ferlab.config import Config
from ferlab.errors import FerlabError, RunEnded
from ferlab.study.objectives import format_value
from ferlab.sweep.trial_code import record_code
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.tracking import origin, store, study_runs
from ferlab.tracking.run import CONFIGURATION, Run
from ferlab.training import checkpoint, stop
from ferlab.training.run import resume, train

_DEATHS = 5
"""Workers that may die in a row over the same epoch of a trial before it is given up."""


@dataclass(frozen=True)
class SeedRun:
    """The finished run of one seed.

    Attributes:
        run_id: of MLflow.
        metrics: that it is known by: ``best/...`` and its costs.
    """

    run_id: str
    metrics: Mapping[str, float]


class Replicate:
    """One seed of a trial.

    Args:
        study: that the trial belongs to.
        trial: with its point.
        config: of the run, its seed included.
        name: of the run in MLflow.
        group: id of the MLflow run that stands for the trial, if it has several seeds.
        index: which of the trial's seeds this is, from 0.
    """

    def __init__(
        self,
        study: SharedStudy,
        trial: Trial,
        config: Config,
        name: str,
        group: str | None,
        index: int,
    ) -> None:
        self._study = study
        self._trial = trial
        self._config = config
        self._name = name
        self._group = group
        self._index = index
        self._client = store.connect(config.tracking.uri)
        self._beside = 0
        self._has_code = False

    def run(self) -> SeedRun:
        """Train, or go on with what there is, as often as the study allows; the finished run.

        Raises:
            RunEnded: it was pruned or interrupted, or failed at its last attempt.
        """
        first, last = self._attempts()[self._index], self._study.config.retries
        for attempt in range(first, last + 1):
            self._study.require_mine(self._trial)
            self._set_attempt(attempt)
            try:
                return self._attempt(attempt)
            except RunEnded as end:
                if end.reason == "pruned":
                    shutil.rmtree(paths.work(end.run_id), ignore_errors=True)
                # A loss that diverged would do so again; an outage is waited out.
                final = ("interrupted", "outage", "pruned", "diverged")
                if end.reason in final or attempt == last:
                    raise
        raise FerlabError("its last attempt had failed")

    def _attempt(self, attempt: int) -> SeedRun:
        if self._trial.user_attrs.get("deaths", 0) >= _DEATHS:
            raise FerlabError(f"{_DEATHS} workers died over it, one after the other")
        found = self._found(attempt)
        if found is not None and found.status == "FINISHED":
            return SeedRun(found.run_id, found.metrics)
        if found is not None and _has_ended(found):
            raise RunEnded(
                found.tags.get("ferlab.why", ""), found.run_id, found.tags["ferlab.ended"]
            )
        config = self._config
        if found is not None and self._can_go_on(found):
            result = resume(found.run_id, config.tracking.uri, self._report, config.names())
        else:
            if found is not None:
                study_runs.forget(self._client, found.run_id)
                shutil.rmtree(paths.work(found.run_id), ignore_errors=True)
            result = train(config, self._report, self._tags(attempt))
        self._tell_beside(result.run_id)
        if "images" not in self._study.optuna.user_attrs:
            self._study.optuna.set_user_attr("images", len(result.predictions.labels))
        return SeedRun(result.run_id, result.recorded)

    def _tell_beside(self, run_id: str) -> None:
        """Where a time is an objective, record how many others trained when it was taken."""
        if "latency" not in self._study.config.objectives:
            return
        beside = max(self._beside, self._study.beside(self._trial.number))
        Run(self._client, run_id).log_summary({"latency_beside": beside}, {})
        before = self._trial.user_attrs.get("beside", 0)  # under its other seeds
        self._trial.set_user_attr("beside", max(beside, before))

    def _can_go_on(self, found: study_runs.FoundRun) -> bool:
        """Whether its worker came to the end of an epoch, and the code is still the same."""
        if not (paths.work(found.run_id) / checkpoint.LAST).exists():
            return False
        for target in self._config.names():  # a part's file is known once it is imported
            with suppress(Exception):  # training it anew will tell
                instantiate.locate(target, self._config.names())
        return not origin.changed(self._client, found.run_id, self._config.targets())

    def _found(self, attempt: int) -> study_runs.FoundRun | None:
        """What an earlier worker left of the run, if the trial was abandoned by one."""
        if "deaths" not in self._trial.user_attrs:
            return None
        return study_runs.find_run(self._client, self._identity(attempt))

    def _identity(self, attempt: int) -> dict[str, str]:
        """The tags by which the run is found again."""
        return {
            **self._study.key.tags,
            "ferlab.trial": str(self._trial.number),
            "ferlab.attempt": str(attempt),
            **({"ferlab.replicate": str(self._index)} if self._group else {}),
        }

    def _tags(self, attempt: int) -> dict[str, str]:
        named = f"seed {self._config.seed}" if self._group else self._name
        return {
            **self._identity(attempt),
            **self._configuration(),
            "mlflow.parentRunId": self._group or self._study.optuna.user_attrs["run_id"],
            "mlflow.runName": named,
        }

    def _configuration(self) -> dict[str, str]:
        """What is the same for all seeds, where there are several."""
        arm = self._trial.user_attrs["params"].get("arm")  # of a confirmation
        name = self._name if self._group else arm
        return {CONFIGURATION: name} if name else {}

    def _attempts(self) -> list[int]:
        """Of each seed, how often it was tried again."""
        known: list[int] = self._trial.user_attrs.get("attempts", [])
        return known + [0] * (self._study.config.replicates - len(known))

    def _set_attempt(self, attempt: int) -> None:
        attempts = self._attempts()
        attempts[self._index] = attempt
        self._trial.set_user_attr("attempts", attempts)

    def _report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Tell Optuna of an epoch; raises `Pruned` where its pruner says so, or `TakenOver`.

        Like is compared with like: one objective, the epochs of the first seed, the same for all.
        """
        trial, objectives = self._trial, self._study.config.objectives
        self._study.require_mine(trial)
        self._study.patience.progress((trial.number, self._index, epoch))
        if not self._has_code:
            record_code(self._study.optuna, trial, self._index, self._config.targets())
            self._has_code = True
        if "latency" in objectives:
            self._beside = self._study.beside(trial.number)
        shown = objectives[0] if objectives[0] in metrics else self._config.trainer.monitor
        if trial.user_attrs.get("deaths"):
            trial.set_user_attr("deaths", 0)
        if self._index > 0:
            return
        if len(objectives) > 1 or shown != objectives[0]:  # Optuna takes no reports then
            shown_so_far = trial.user_attrs.get("epochs", {})
            trial.set_user_attr("epochs", {**shown_so_far, str(epoch): metrics[shown]})
            return
        me = self._study.trial(trial.number)
        if epoch not in me.intermediate_values:
            trial.report(metrics[shown], epoch)
        if self._study.baseline == trial.user_attrs["params"]:
            return
        if epoch < max(me.intermediate_values, default=0):  # told again; Optuna judges the last
            return
        if epoch == self._config.trainer.max_epochs or not trial.should_prune():
            return
        known = [t for t in self._study.trials() if epoch in t.intermediate_values]
        others = [t for t in known if t.number != trial.number]
        complete = [t for t in others if t.state == TrialState.COMPLETE]
        values = [t.intermediate_values[epoch] for t in complete or others]
        which = "complete trials" if complete else "others"
        against = (
            f"; median at that epoch {format_value(shown, statistics.median(values))}, "
            f"of {len(values)} {which}"
            if values
            else ""
        )
        value = format_value(shown, metrics[shown])
        raise stop.Pruned(f"at epoch {epoch}: {shown} {value}{against}")


def _has_ended(found: study_runs.FoundRun) -> bool:
    """Whether the run came to an end that is the trial's, too, but Optuna was not told."""
    return found.status in ("FAILED", "KILLED") and found.tags["ferlab.ended"] != "interrupted"
