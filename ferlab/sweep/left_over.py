"""Runs of studies that nobody trains, though MLflow says so."""

from collections.abc import Iterator
from functools import partial

import optuna
from optuna.trial import TrialState

from ferlab import paths
from ferlab.recording.leftovers import LeftOver, orphan
from ferlab.sweep.studies import is_begun, open_study, study_key
from ferlab.sweep.workers.liveness import Liveness
from ferlab.tracking import store, study_runs
from ferlab.tracking.run import Run, Status
from ferlab.tracking.store import Client

_ENDS: dict[TrialState, tuple[Status, str]] = {
    TrialState.FAIL: ("FAILED", "error"),
    TrialState.PRUNED: ("KILLED", "pruned"),
}
"""The status of a trial's run, and why it is not FINISHED, where its end was not recorded."""


def left_runs(study: optuna.Study, client: Client, liveness: Liveness) -> Iterator[LeftOver]:
    """The study's runs that nobody trains, though MLflow says so.

    Args:
        study: that was begun.
        client: of the tracking store that has its runs.
        liveness: of its workers.
    """
    trials = {str(trial.number): trial for trial in study.get_trials(deepcopy=False)}
    for run in store.runs_with(client, study_key(study).tags, only=[store.RUNNING]):
        number, run_id = run.data.tags.get("ferlab.trial"), str(run.info.run_id)
        trial = trials.get(number or "")
        if number is None:
            continue
        is_over = trial is not None and trial.state.is_finished()
        if trial is None or (is_over and trial.user_attrs.get("run_id") != run_id):
            yield orphan(run_id, partial(study_runs.forget, client, run_id))  # nobody heard of it
        elif is_over or liveness.is_dead(trial.user_attrs["worker"]):
            status, reason = _ENDS.get(trial.state, ("KILLED", "interrupted"))
            why = trial.user_attrs.get("why", "its worker is gone")
            yield orphan(run_id, partial(Run(client, run_id).end, status, reason, why))


def left_of_studies(client: Client) -> Iterator[LeftOver]:
    """`left_runs` of all studies that lie in ferlab's home and have their runs in this store."""
    for path in sorted((paths.home() / "studies").glob("*.log")):
        if is_begun(path.stem, None):
            study = open_study(path.stem, None)
            liveness = Liveness(study, at_home=True)
            yield from left_runs(study, client, liveness)
            yield from _left_parent(study, client, liveness)


def _left_parent(study: optuna.Study, client: Client, liveness: Liveness) -> Iterator[LeftOver]:
    """The study's own run, where no worker of it is there, though MLflow says that it runs."""
    running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    workers = [t.user_attrs["worker"] for t in running if "worker" in t.user_attrs]
    if not all(map(liveness.is_dead, workers)):
        return
    tags = {**study_key(study).tags, "ferlab.kind": "study"}
    for run in store.runs_with(client, tags, only=[store.RUNNING]):
        if "ferlab.confirms" in run.data.tags:  # its command may be scoring, which takes no worker
            continue
        run_id = str(run.info.run_id)
        end = partial(Run(client, run_id).end, "KILLED", "interrupted", "its workers are gone")
        yield orphan(run_id, end)
