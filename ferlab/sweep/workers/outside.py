"""Trials that others put into a study, through Optuna: points to be trained, and results."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ferlab.errors import ConfigError
from ferlab.sweep.optuna_private import fail_trial, may_follow, open_trial
from ferlab.sweep.search.space import Space


def is_own(trial: FrozenTrial) -> bool:
    """Whether a worker of ferlab has taken the trial."""
    return bool(trial.user_attrs.get("worker")) and trial.state != TrialState.WAITING


def is_withdrawn(trial: FrozenTrial) -> bool:
    """Whether a worker stepped back from the trial, so that it stands for nothing."""
    return "withdrawn" in trial.user_attrs


def waiting(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that were enqueued and are not trained yet, by number."""
    return [trial for trial in trials if trial.state == TrialState.WAITING]


def enqueued_values(trial: FrozenTrial) -> dict[str, Any]:
    """The values that an enqueued trial is to have; what it leaves open is drawn."""
    values: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return values


def skip(study: optuna.Study, trial: FrozenTrial, why: str) -> None:
    """End an enqueued trial that cannot be trained."""
    open_trial(study, trial).set_user_attr("skipped", why)
    fail_trial(study, trial)


@dataclass(frozen=True)
class Seen:
    """Shows trials to a sampler: ferlab's own, and what else is a point of the space."""

    space: Space

    def __call__(self, trial: FrozenTrial) -> FrozenTrial | None:
        """The trial as it would be had ferlab drawn it; None if it could not be."""
        if is_own(trial):
            return None if is_withdrawn(trial) else trial
        if misfit(self.space, trial):
            return None
        params = self.space.params_of(trial.params)
        seen = copy.copy(trial)
        seen.params = params
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


def require_kinds(study: optuna.Study, space: Space) -> None:
    """Refuse to go on where Optuna would not take the values that are drawn.

    Raises:
        ConfigError: what was put into the study first has a parameter as something else.
    """
    trials = study.get_trials(deepcopy=False)
    for param in space.parameters:
        first = next((trial for trial in trials if param.key in trial.distributions), None)
        if (
            first is None
            or is_own(first)
            or may_follow(first.distributions[param.key], param.distribution)
        ):
            continue
        raise ConfigError(
            f"trial {first.number} of the study '{study.study_name}', which ferlab did not make, "
            f"has {param.key} as {first.distributions[param.key]}, not {param.distribution}; "
            "take another study.name, or --new"
        )
