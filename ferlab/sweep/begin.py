"""A study begun, or gone on with: under a name of its own, as what it was, in one MLflow run."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferlab.config import Config
from ferlab.errors import ConfigError
from ferlab.sweep import extension, plan
from ferlab.sweep.search.space import Space
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


@dataclass(frozen=True)
class Asked:
    """What a command asks of a study.

    Attributes:
        about: what the study is, flat: it may not change while the study goes on.
        budget: trials that are to count.
        space: to search.
        extends: whether the space may be another than the study was begun with.
    """

    about: Mapping[str, Any]
    budget: int
    space: Space
    extends: bool


def open_run(
    study: SharedStudy, client: Client, first: Config, asked: Asked, tags: Mapping[str, str]
) -> str:
    """Refuse another study of this name in the same storage; returns the id of the MLflow run.

    Of several commands that begin a study at once, the one that made it says what it is.
    """
    before = study.optuna.user_attrs.get("run_id")
    if not study.is_new and before is None:
        _log.info("note     another command is just beginning the study '%s'", study.name)
        before = wait_for(study.optuna, "run_id", _PATIENCE)
    _settle(study, asked)
    experiment = first.tracking.experiment
    shown = {"question": asked.about.get("study.question"), **asked.about}
    parent = study_runs.StudyRun.open(client, experiment, study.key, shown, before)
    parent.log_summary({}, tags)
    if parent.id != before:
        study.optuna.set_user_attr("run_id", parent.id)
    return parent.id


def require_same(name: str, known: Mapping[str, Any] | None, asked: Asked) -> None:
    """Refuse another study than was begun under a name.

    Args:
        name: of the study.
        known: what it was begun as; None if that is not said yet.
        asked: of it now.

    Raises:
        ConfigError: it is another, and no extension that was declared.
    """
    about = _kept(asked.about)
    if known in (None, about):
        return
    may_extend = extension.may_be_declared(known, about)
    if not (asked.extends and may_extend):
        changes = extension.changes(known, about)
        told = "; ".join(f"{key}: {change}" for key, change in changes.items())
        hint = "--extend goes on with the trials that fit, or " if may_extend else ""
        raise ConfigError(
            f"the study '{name}' was begun with something else ({told}); "
            f"{hint}take another study.name, or --new"
        )


def _settle(study: SharedStudy, asked: Asked) -> None:
    """Keep what a new study is; extend one, where that is declared; refuse less of it."""
    about = _kept(asked.about)
    known = study.optuna.user_attrs.get("about")
    require_same(study.name, known, asked)
    if known is None:
        study.optuna.set_user_attr("about", about)
    elif known != about:
        extension.extend(study, asked.space, known, about)
    if (done := study.counts().counted) > asked.budget:
        raise ConfigError(
            f"of the study '{study.name}' {done} trials count already, and {asked.budget} are "
            "asked for; leave study.trials as it was, or begin another study with --new"
        )


def _kept(about: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from where a study is kept."""
    kept: dict[str, Any] = json.loads(json.dumps(about))
    return kept
