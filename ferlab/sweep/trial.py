"""One trial in a worker's hands: trained, or gone on with, until Optuna knows how it ended."""

import shutil
import statistics
from collections.abc import Mapping

from mlflow.tracking import MlflowClient
from optuna.trial import Trial, TrialState

from ferlab import paths
from ferlab.config import Config, compose
from ferlab.errors import FerlabError, RunEnded
from ferlab.sweep.space import Point, overrides
from ferlab.sweep.study import SharedStudy
from ferlab.tracking import store, sweep
from ferlab.tracking.run import name_of
from ferlab.training import checkpoint, stop
from ferlab.training.run import resume, train

_DEATHS = 5
"""Workers that may die in a row over the same epoch of a trial before it is given up."""


def run_trial(
    study: SharedStudy, trial: Trial, shared: list[str], objective: str, retries: int
) -> str:
    """Bring a trial to its end.

    Args:
        study: that it belongs to.
        trial: with its point; new, or adopted with whatever its last worker left.
        shared: the overrides that all trials have in common.
        objective: the metric that is optimised.
        retries: how often a failure by chance is tried again.

    Returns:
        How it ended, in a line.

    Raises:
        RunEnded: the worker was interrupted; the trial is left for another to go on with.
    """
    attrs = trial.user_attrs
    try:
        config = compose([*shared, *overrides(attrs["point"])])
        for attempt in range(attrs.get("attempt", 0), retries + 1):
            trial.set_user_attr("attempt", attempt)
            try:
                run_id, value = _attempt(study, trial, config, objective, attempt)
            except RunEnded as end:
                trial.set_user_attr("run_id", end.run_id)
                if end.reason == "interrupted":
                    raise
                if end.reason == "pruned":
                    study.optuna.tell(trial.number, state=TrialState.PRUNED)
                    shutil.rmtree(paths.work(end.run_id), ignore_errors=True)
                    return f"pruned {str(end).partition('; go on')[0]}"
                if end.reason == "diverged" or attempt == retries:  # it would diverge again
                    raise
            else:
                trial.set_user_attr("run_id", run_id)
                study.optuna.tell(trial.number, value)
                return f"{objective} {value:.4f}"
        raise FerlabError("its last attempt had failed")
    except FerlabError as error:
        if isinstance(error, RunEnded) and error.reason == "interrupted":
            raise
        trial.set_user_attr("error", str(error))
        trial.set_user_attr("sitting", study.sitting)
        study.optuna.tell(trial.number, state=TrialState.FAIL)
        return f"failed: {error}"


def _attempt(
    study: SharedStudy, trial: Trial, config: Config, objective: str, attempt: int
) -> tuple[str, float]:
    """Train, or go on with what there is; returns the run's id and the objective's value."""
    if trial.user_attrs.get("deaths", 0) >= _DEATHS:
        raise FerlabError(f"{_DEATHS} workers died over it, one after the other")
    client = store.connect(config.tracking.uri)
    found = sweep.child(client, config.tracking.experiment, study.name, trial.number, attempt)

    def report(epoch: int, metrics: Mapping[str, float]) -> None:
        _report(study, trial, config, objective, epoch, metrics[objective])

    if found is not None and found.status == "FINISHED":
        return found.run_id, found.metrics[objective.replace("val/", "best/")]
    if found is not None and _has_ended(found):
        raise RunEnded(found.tags.get("ferlab.why", ""), found.run_id, found.tags["ferlab.ended"])
    if found is not None and (paths.work(found.run_id) / checkpoint.LAST).exists():
        result = resume(found.run_id, config.tracking.uri, report, config.targets())
    else:
        if found is not None:
            _discard(client, found.run_id)
        point: Point = trial.user_attrs["point"]
        tags = {
            "ferlab.study": study.name,
            "ferlab.trial": str(trial.number),
            "ferlab.attempt": str(attempt),
            "mlflow.parentRunId": study.optuna.user_attrs["run_id"],
            "mlflow.runName": _name(config, point),
        }
        result = train(config, report, tags)
    return result.run_id, result.metrics[objective]


def _report(
    study: SharedStudy, trial: Trial, config: Config, objective: str, epoch: int, value: float
) -> None:
    known = study.optuna.get_trials(deepcopy=False)
    me = next(t for t in known if t.number == trial.number)
    if epoch not in me.intermediate_values:
        trial.report(value, epoch)
    if trial.user_attrs.get("deaths"):
        trial.set_user_attr("deaths", 0)
    if epoch == config.trainer.max_epochs or not trial.should_prune():
        return
    others = [t for t in known if t.number != trial.number and epoch in t.intermediate_values]
    complete = [t for t in others if t.state == TrialState.COMPLETE]
    values = [t.intermediate_values[epoch] for t in complete or others]
    which = "complete trials" if complete else "others"
    raise stop.Pruned(
        f"at epoch {epoch}: {objective} {value:.4f}; "
        f"median at that epoch {statistics.median(values):.4f}, of {len(values)} {which}"
        if values
        else f"at epoch {epoch}: {objective} {value:.4f}"
    )


def _has_ended(found: sweep.Child) -> bool:
    """Whether the run came to an end that is the trial's, too, but Optuna was not told."""
    return found.status in ("FAILED", "KILLED") and found.tags["ferlab.ended"] != "interrupted"


def _discard(client: MlflowClient, run_id: str) -> None:
    """Its worker died before the first epoch: there is nothing to go on with."""
    sweep.forget(client, run_id)
    shutil.rmtree(paths.work(run_id), ignore_errors=True)


def _name(config: Config, point: Point) -> str:
    """What the run is: its model, data and seed, and what else is swept."""
    told = ("model", "data", "seed")
    rest = [f"{k.rpartition('.')[2]} {v}" for k, v in point.items() if k.split(".")[0] not in told]
    return ", ".join([name_of(config), *rest])
