"""A study begun, or gone on with: under a name of its own, as what it was, in one MLflow run."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from ferlab.config import Config
from ferlab.errors import ConfigError
from ferlab.sweep import plan
from ferlab.sweep.studies import is_begun
from ferlab.sweep.workers.identity import wait_for
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.tracking import store, study_runs
from ferlab.tracking.store import Client

_PATIENCE = 20.0
"""Seconds within which another command, that has made the study, has opened its MLflow run."""

_log = logging.getLogger("ferlab")


def require_own_name(
    client: Client, name: str, storage: str | None, experiment: str, is_confirmation: bool
) -> None:
    """Refuse a new study whose name another one in the tracking store has.

    Args:
        client: of the tracking store.
        name: of the study.
        storage: where it is to be kept; None for ferlab's home.
        experiment: name of its MLflow experiment, which is made if it is new.
        is_confirmation: whether its name follows from another study's.

    Raises:
        TrackingError: the name is taken, or the experiment is deleted.
    """
    if is_begun(name, storage):
        return
    taken = study_runs.study_names(client)
    if name in taken and not is_begun(name, storage):  # or another command has begun it meanwhile
        free = plan.free_name(storage, taken, name)
        instead = "" if is_confirmation else f"take another name, such as study.name={free}"
        study_runs.require_free_name(client, name, instead)
    store.experiment_id(client, experiment)


def open_run(
    study: SharedStudy,
    client: Client,
    first: Config,
    budget: int,
    about: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    """The id of the study's MLflow run; refuses another study of its name, and a smaller budget.

    Of several commands that begin a study at once, the one that made it says what it is.
    """
    before = study.optuna.user_attrs.get("run_id")
    if not study.is_new and before is None:
        _log.info("note     another command is just beginning the study '%s'", study.name)
        before = wait_for(study.optuna, "run_id", _PATIENCE)
    known = study.optuna.user_attrs.get("about")
    if known is None:
        study.optuna.set_user_attr("about", about)
    elif known != json.loads(json.dumps(about)):
        keys = [key for key in {**known, **about} if known.get(key) != about.get(key)]
        changes = "; ".join(f"{key}: {known.get(key)} -> {about.get(key)}" for key in keys)
        raise ConfigError(
            f"the study '{study.name}' was begun with something else ({changes}); "
            "take another study.name, or --new"
        )
    if (done := study.counts().counted) > budget:
        raise ConfigError(
            f"of the study '{study.name}' {done} trials count already, and {budget} are asked for; "
            "leave study.trials as it was, or begin another study with --new"
        )
    experiment = first.tracking.experiment
    shown = {"question": about.get("study.question"), **about}
    parent = study_runs.StudyRun.open(client, experiment, study.key, shown, before)
    parent.log_summary({}, tags)
    if parent.id != before:
        study.optuna.set_user_attr("run_id", parent.id)
    return parent.id
