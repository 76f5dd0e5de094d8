"""Trials that others put into a study, through Optuna: points to be trained, and results."""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from ferlab.optuna_private import fail_trial, may_follow, open_trial
from ferlab.study.params import Params
from ferlab.sweep.search.space import Space, stored


def is_own(trial: FrozenTrial) -> bool:
    """Whether a worker of ferlab has taken the trial."""
    return bool(trial.user_attrs.get("worker")) and trial.state != TrialState.WAITING


def is_withdrawn(trial: FrozenTrial) -> bool:
    """Whether a worker stepped back from the trial, so that it stands for nothing."""
    return "withdrawn" in trial.user_attrs


def is_result(trial: FrozenTrial) -> bool:
    """Whether the trial has a result that no worker of ferlab found."""
    return trial.state == TrialState.COMPLETE and "params" not in trial.user_attrs


def is_skipped(trial: FrozenTrial) -> bool:
    """Whether the trial was enqueued and could not be trained."""
    return "skipped" in trial.user_attrs


def waiting(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that were enqueued and are not trained yet, by number."""
    return [trial for trial in trials if trial.state == TrialState.WAITING]


def enqueued_values(trial: FrozenTrial) -> dict[str, Any]:
    """The values that an enqueued trial is to have; what it leaves open is drawn."""
    values: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return values


def enqueue(study: optuna.Study, points: Sequence[Mapping[str, Any]]) -> None:
    """Enqueue points, but none that waits, was trained, or cannot be."""
    for point in points:
        values = {key: stored(value) for key, value in point.items()}
        trials = study.get_trials(deepcopy=False)
        if not any(
            values in (enqueued_values(trial), trial.user_attrs.get("params"))
            for trial in trials
            if trial.state != TrialState.FAIL or is_skipped(trial)
        ):
            study.enqueue_trial(values)


def skip(study: optuna.Study, trial: FrozenTrial, why: str) -> None:
    """End an enqueued trial that cannot be trained."""
    open_trial(study, trial).set_user_attr("skipped", why)
    fail_trial(study, trial)


def point_of(trial: FrozenTrial, moved: Mapping[str, Params | None]) -> Params | None:
    """The point of one of ferlab's trials that has chosen, where the space is as it is now.

    Args:
        trial: that has chosen.
        moved: the points of trials from before the space was changed, by number; None of one that
            has no point any more.
    """
    params: Params | None = moved.get(str(trial.number), trial.user_attrs["params"])
    return params


@dataclass(frozen=True)
class Seen:
    """Shows trials to a sampler: ferlab's own, and what else is a point of the space.

    Attributes:
        space: to draw from.
        moved: see `point_of`.
    """

    space: Space
    moved: Callable[[], Mapping[str, Params | None]] = dict

    def __call__(self, trial: FrozenTrial) -> FrozenTrial | None:
        """The trial as it would be had ferlab drawn it; None if it could not be."""
        if is_own(trial):
            if is_withdrawn(trial):
                return None
            if "params" not in trial.user_attrs:
                return trial
            moved = self.moved()
            params = point_of(trial, moved)
            if not moved and params is not None and trial.params.keys() == params.keys():
                return trial
        else:
            params = None if misfit(self.space, trial) else self.space.params_of(trial.params)
        if params is None:
            return None
        seen = copy.copy(trial)
        seen.params = dict(params)
        seen.distributions = {
            param.key: param.distribution for param in self.space.parameters if param.key in params
        }
        return seen


def misfit(space: Space, trial: FrozenTrial) -> str:
    """Why what was put into the study informs nobody; empty where it does."""
    if trial.state != TrialState.COMPLETE:
        return f"it is {trial.state.name.lower()}"
    problems = space.problems(trial.params)
    return "; ".join(f"{key} {text}" for key, text in problems)


def record_misfits(study: optuna.Study, space: Space) -> dict[int, str]:
    """Keep with the study which results from elsewhere its sampler does not know of, and why."""
    results = filter(is_result, study.get_trials(deepcopy=False))
    misfits = {trial.number: why for trial in results if (why := misfit(space, trial))}
    kept = {str(number): why for number, why in misfits.items()}
    if kept != study.user_attrs.get("misfits", {}):  # a changed space may take what fitted not
        study.set_user_attr("misfits", kept)
    return misfits


def key_of(name: str) -> str:
    """The key of a parameter, by its name in Optuna; see `names`."""
    return name.partition(" (")[0]


def names(study: optuna.Study, space: Space) -> dict[str, str]:
    """The names that parameters have in Optuna, by key.

    Optuna takes a name in one kind of distribution, and with the same choices, alone. Where the
    space was changed, or others used the key for something else, it is ``KEY (2)`` and so on.
    """
    kinds: dict[str, BaseDistribution] = {}
    for trial in study.get_trials(deepcopy=False):
        kinds = {**trial.distributions, **kinds}
    found = {}
    for param in space.parameters:
        candidates = itertools.chain(
            [param.key], (f"{param.key} ({i})" for i in itertools.count(2))
        )
        found[param.key] = next(
            name
            for name in candidates
            if name not in kinds or may_follow(kinds[name], param.distribution)
        )
    return found
