"""A study made, or joined: all who work on it, on any machine, agree on one identity of it."""

import time
import uuid
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.samplers import BaseSampler

from ferlab.config.study import StudyConfig
from ferlab.optuna_private import name_objectives
from ferlab.sweep.search.components import build_pruner
from ferlab.sweep.workers.storage import open_storage

IDENTITY = "identity"
"""The attribute of a study that no other study has, whatever its name."""

_PATIENCE = 5.0
"""Seconds within which who has made a study says what it is; it takes a few milliseconds."""

_POLL = 0.05


def make_or_join(name: str, config: StudyConfig, sampler: BaseSampler) -> tuple[optuna.Study, bool]:
    """The study of this name, and whether it was made just now, by this call.

    Of several who begin it at once the storage lets one make it; that one gives it its identity.
    """
    storage, pruner = open_storage(config.storage, name), build_pruner(config.pruner)
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["minimize" if less else "maximize" for less in config.minimised],
            sampler=sampler,
            pruner=pruner,
        )
    except DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name, sampler=sampler, pruner=pruner)
        if wait_for(study, IDENTITY, _PATIENCE) is not None:
            return study, False
    # Also where its maker was killed at once: nothing can have come of it.
    if IDENTITY not in study.user_attrs:
        name_objectives(study, config.objectives)
        study.set_user_attr(IDENTITY, uuid.uuid4().hex)
    return study, True


def wait_for(study: optuna.Study, attribute: str, seconds: float) -> Any:
    """An attribute of a study that somebody else is about to set; None if nobody does in time."""
    until = time.monotonic() + seconds
    while (value := study.user_attrs.get(attribute)) is None and time.monotonic() < until:
        time.sleep(_POLL)
    return value
