"""One trial in a worker's hands: trained, or gone on with, until Optuna knows how it ended."""

import statistics

from optuna.trial import Trial, TrialState

from ferlab.config import Config
from ferlab.config.naming import point_name, trial_name
from ferlab.errors import ConfigError, FerlabError, RunEnded, TakenOver
from ferlab.outage import is_outage
from ferlab.study.objectives import format_values
from ferlab.study.params import Params
from ferlab.sweep.search.trial_configs import TrialConfigs
from ferlab.sweep.workers import seed_pruning
from ferlab.sweep.workers.replicate import Replicate, SeedRun
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.tracking import store
from ferlab.tracking.entry import metric_name
from ferlab.tracking.trials.trial_run import TrialRun
from ferlab.training.stop import Pruned


def run_trial(study: SharedStudy, trial: Trial, configs: TrialConfigs) -> str:
    """Bring a trial to its end.

    Args:
        study: that it belongs to.
        trial: with its point; new, or adopted with whatever its last worker left.
        configs: makes its config.

    Returns:
        How it ended, in a line.

    Raises:
        RunEnded: the worker was interrupted, or a store or the disk is away; the trial is left for
            another to go on with, or for this one.
        TakenOver: it is another worker's now.
        Exception: as the study's storage raises it, where that is away; see `ferlab.outage`.
    """
    group: TrialRun | None = None
    try:
        params: Params = trial.user_attrs["params"]
        config = configs(params)
        if study.config.points is None or study.baseline is None:
            name = trial_name(config, params)
        else:
            name = point_name(config, params, study.baseline)
        trial.set_user_attr("name", name)
        group = _group(study, trial, config, name)
        runs = _replicates(study, trial, config, name, group)
    except RunEnded as end:
        if isinstance(end.__cause__, TakenOver):
            raise end.__cause__ from end
        if end.reason == "interrupted":
            _leave(trial, group, end)
        if end.reason in ("interrupted", "outage"):
            raise
        study.require_mine(trial)
        trial.set_user_attr("run_id", group.id if group else end.run_id)
        _tell_mistake(trial, end.__cause__)
        why = str(end).partition("; go on")[0]
        return (
            _pruned(study, trial, group, why)
            if end.reason == "pruned"
            else _failed(study, trial, group, why, end.reason)
        )
    except Pruned as end:
        study.require_mine(trial)
        return _pruned(study, trial, group, str(end))
    except TakenOver:
        raise
    except FerlabError as error:
        if is_outage(error):
            raise
        study.require_mine(trial)
        _tell_mistake(trial, error)
        return _failed(study, trial, group, str(error), "error")
    study.require_mine(trial)
    if group is not None:
        group.end("FINISHED")
    trial.set_user_attr("run_id", group.id if group else runs[0].run_id)
    values = [
        statistics.fmean(run.metrics[metric_name(objective)] for run in runs)
        for objective in study.config.objectives
    ]
    study.optuna.tell(trial.number, values)
    return format_values(study.config.objectives, values)


def _leave(trial: Trial, group: TrialRun | None, end: RunEnded) -> None:
    """Say where an interrupted trial is, unless that cannot be told now."""
    try:
        trial.set_user_attr("run_id", group.id if group else end.run_id)
        if group is not None:
            group.end("KILLED", "interrupted", str(end))
    except Exception as error:
        if not is_outage(error):
            raise


def _replicates(
    study: SharedStudy, trial: Trial, config: Config, name: str, group: TrialRun | None
) -> list[SeedRun]:
    """The finished runs, one per seed; raises `Pruned` if the point falls behind on the way."""
    settings = study.config
    # Of several objectives each may be what a point is good for.
    may_stop = len(settings.objectives) == 1 and study.baseline != trial.user_attrs["params"]
    judged: int = trial.user_attrs.get("judged", 0)  # seeds that it passed before an interruption
    runs: list[SeedRun] = []
    for index in range(settings.replicates):
        seeded = config.model_copy(update={"seed": config.seed + index})
        replicate = Replicate(study, trial, seeded, name, group.id if group else None, index)
        runs.append(replicate.run())
        if len(runs) <= judged:
            continue
        scores = [run.metrics[metric_name(settings.objectives[0])] for run in runs]
        trial.set_user_attr("scores", scores)
        if group is not None:
            group.tell([run.metrics for run in runs])
        if may_stop and len(runs) < settings.replicates:
            _stop_between_seeds(study, trial, scores)
            trial.set_user_attr("judged", len(runs))
    return runs


def _stop_between_seeds(study: SharedStudy, trial: Trial, scores: list[float]) -> None:
    """Raise `Pruned` where a point need not be trained under its other seeds."""
    settings, why = study.config, None
    others = [t for t in study.trials() if t.number != trial.number and "scores" in t.user_attrs]
    if settings.seed_halving:
        known = [t.user_attrs["scores"] for t in others]
        why = seed_pruning.in_worse_half(scores, known, settings.minimised[0])
    elif settings.pruner is not None:
        known = [t.user_attrs["scores"] for t in others if t.state == TrialState.COMPLETE]
        why = seed_pruning.behind(scores, known, settings.minimised[0])
    if why is not None:
        raise Pruned(why)


def _tell_mistake(trial: Trial, error: BaseException | None) -> None:
    """Keep with a trial that its config is wrong: another try would end as this one did."""
    if isinstance(error, ConfigError):
        trial.set_user_attr("mistake", True)


def _pruned(study: SharedStudy, trial: Trial, group: TrialRun | None, why: str) -> str:
    if group is not None:
        group.end("KILLED", "pruned", why)
        trial.set_user_attr("run_id", group.id)
    trial.set_user_attr("why", why)
    study.optuna.tell(trial.number, state=TrialState.PRUNED)
    return f"pruned {why}"


def _failed(study: SharedStudy, trial: Trial, group: TrialRun | None, why: str, reason: str) -> str:
    if group is not None:
        group.end("FAILED", reason, why)
        trial.set_user_attr("run_id", group.id)
    trial.set_user_attr("why", why)
    trial.set_user_attr("session", study.session)
    study.optuna.tell(trial.number, state=TrialState.FAIL)
    return f"failed: {why}"


def _group(study: SharedStudy, trial: Trial, config: Config, name: str) -> TrialRun | None:
    """The run that stands for all seeds, if there are several."""
    if study.config.replicates == 1:
        return None
    client = store.connect(config.tracking.uri)
    parent = study.optuna.user_attrs["run_id"]
    return TrialRun.open(client, config, study.key, trial.number, parent, name)
