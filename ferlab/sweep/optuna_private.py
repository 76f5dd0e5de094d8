"""All that ferlab uses of Optuna beside its public interface, in one place.

Optuna's public calls open a new trial only, not one that another process had begun.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages.journal._file import BaseJournalFileLock as JournalLock
from optuna.trial import FrozenTrial, Trial

__all__ = ["HOLDS_FOR", "JournalLock", "contains", "name_objectives", "open_trial"]

HOLDS_FOR = "5.0.0"
"""The release that this was read and tested against."""


def open_trial(study: Study, trial: FrozenTrial) -> Trial:
    """A trial of the study for writing, whoever has begun it."""
    return Trial(study, trial._trial_id)


def name_objectives(study: Study, names: Sequence[str]) -> None:
    """Name the objectives of a study for Optuna's own tools; its call is marked experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(names))


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a parameter of this distribution may have the value."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:
        return False
