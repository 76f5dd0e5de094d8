"""All that ferlab uses of Optuna beside its public interface, in one place.

Optuna's public calls open a new trial only, not one that another process had begun; they write each
value as soon as it is drawn; and they keep the state of a sampler in one process.
"""

import base64
import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.pruners import _filter_study
from optuna.samplers import BaseSampler
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.storages import BaseStorage
from optuna.storages.journal._file import BaseJournalFileLock as JournalLock
from optuna.trial import FrozenTrial, Trial, TrialState

__all__ = [
    "HOLDS_FOR",
    "JournalLock",
    "contains",
    "draft",
    "end_trial",
    "fail_trial",
    "generator_states",
    "may_follow",
    "name_objectives",
    "open_trial",
    "set_generator_states",
    "set_system_attr",
    "start_trial",
]

HOLDS_FOR = "5.0.0"
"""The release that this was read and tested against."""

Known = Callable[[], list[FrozenTrial]]
"""Gives a study's trials as a sampler is to know of them, by number."""


def open_trial(study: Study, trial: FrozenTrial) -> Trial:
    """A trial of the study for writing, whoever has begun it; its sampler gives all values."""
    opened = Trial(study, trial._trial_id)
    opened._fixed_params = {}
    return opened


def fail_trial(study: Study, trial: FrozenTrial) -> None:
    """End a trial that is none, of which no sampler is to hear."""
    with suppress(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def start_trial(study: Study, trial: FrozenTrial) -> bool:
    """Have a waiting trial run; False where somebody else's does."""
    try:
        return study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return False


def set_system_attr(study: Study, trial: FrozenTrial, key: str, value: Any) -> None:
    """Keep with a trial what is not for users to read."""
    study._storage.set_trial_system_attr(trial._trial_id, key, value)


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


def may_follow(before: BaseDistribution, after: BaseDistribution) -> bool:
    """Whether Optuna lets a parameter of a study have both distributions, one after the other."""
    try:
        check_distribution_compatibility(before, after)
    except ValueError:
        return False
    return True


class _View:
    """A storage as a sampler is to see it, in which values may be drawn without being kept."""

    def __init__(self, storage: BaseStorage, known: Known) -> None:
        self._storage = storage
        self._known = known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Sequence[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        del study_id
        trials = [trial for trial in self._known() if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def set_trial_param(self, *arguments: Any) -> None:
        """Keep nothing."""


def draft(
    study: Study, sampler: BaseSampler, trial: FrozenTrial, fixed: Mapping[str, Any], known: Known
) -> Trial:
    """A trial that asks a sampler, by Optuna's own calls, and whose values are not kept.

    Args:
        study: that the trial belongs to.
        sampler: to ask.
        trial: a running one without values.
        fixed: values that are given and not asked for, as an enqueued trial has them.
        known: gives the trials as the sampler is to know them.
    """
    drafted = Trial(_view(study, sampler, known), trial._trial_id)
    drafted._cached_frozen_trial = copy.deepcopy(drafted._cached_frozen_trial)  # the storage's own
    drafted._fixed_params = dict(fixed)
    return drafted


def end_trial(
    study: Study,
    sampler: BaseSampler,
    trial: FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None,
    known: Known,
) -> None:
    """Tell a sampler how a trial ends, as Optuna does; the study may be a bracket of Hyperband."""
    view = _filter_study(_view(getattr(study, "_study", study), sampler, known), trial)
    sampler.after_trial(view, trial, state, values)


def _view(study: Study, sampler: BaseSampler, known: Known) -> Study:
    view = copy.copy(study)  # Optuna's own copying gives it a cache of trials of its own
    view.sampler = sampler
    view._storage = _View(study._storage, known)  # type: ignore[assignment]
    view.stop = lambda: None  # type: ignore[method-assign]  # ferlab knows itself when all is done
    return view


def generator_states(sampler: BaseSampler) -> list[list[Any]]:
    """The states of all random generators of a sampler, for JSON."""
    states = []
    for generator in _generators(sampler):
        _, key, *rest = generator.get_state(legacy=True)
        states.append([base64.b64encode(np.asarray(key, "<u4").tobytes()).decode(), *rest])
    return states


def set_generator_states(sampler: BaseSampler, states: Sequence[Sequence[Any]]) -> None:
    """Have a sampler go on as the one of which `generator_states` gave these."""
    for generator, (key, *rest) in zip(_generators(sampler), states, strict=True):
        words = np.frombuffer(base64.b64decode(key), "<u4")
        generator.set_state(("MT19937", words, *rest))


def _generators(sampler: BaseSampler) -> list[np.random.RandomState]:
    seen: set[int] = set()

    def within(part: Any) -> Iterator[np.random.RandomState]:
        if id(part) in seen:
            return
        seen.add(id(part))
        if isinstance(part, LazyRandomState):
            yield part.rng
        elif type(part).__module__.startswith("optuna.samplers"):
            for value in getattr(part, "__dict__", {}).values():
                yield from within(value)

    return list(within(sampler))
