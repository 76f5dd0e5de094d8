"""How the next point is chosen: by an Optuna sampler, but never one that was trained before."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from ferlab.config.problems import Problem, report
from ferlab.errors import ConfigError
from ferlab.optuna_private import (
    Known,
    draft,
    end_trial,
    generator_states,
    set_generator_states,
    set_system_attr,
)
from ferlab.study.params import Params, Value
from ferlab.sweep.search.free_points import FreePoints
from ferlab.sweep.search.space import Parameter, Space

_DRAWS = 100
"""Random points tried before the first one left is taken."""

DRAWN = "ferlab:drawn"
"""A trial's system attribute: the sampler's draws so far, and its generators' states after them."""


class Chooser(BaseSampler):
    """A study's sampler that hands out points chosen before, and asks another one for them.

    A study has one sequence of points, whoever draws them: with each trial it keeps the states of
    the sampler's random generators, for the next one to go on from, in whatever process.

    Args:
        sampler: to ask; None: points are taken in the order of the space.
        known: gives the trials as the sampler is to know them.
    """

    def __init__(self, sampler: BaseSampler | None, known: Known) -> None:
        self.params: Params = {}
        self._sampler = sampler
        self._first = generator_states(sampler) if sampler else []
        self._known = known

    def choose(
        self,
        space: Space,
        study: Study,
        trial: FrozenTrial,
        fixed: Params,
        drawn: Sequence[Any] | None,
        free: FreePoints,
        seed: int,
    ) -> Params | None:
        """The point of the next trial; None where none of a finite space is free.

        Args:
            space: to choose from.
            study: that the trial belongs to.
            trial: the one to choose for.
            fixed: values that the point is to have.
            drawn: what the last trial that chose has under `DRAWN`; None for the first to choose.
            free: the points that may be chosen.
            seed: of this one trial, for random points in place of one that is not free.

        Raises:
            ConfigError: of a space without end, no point that was drawn is free.
        """
        if self._sampler is None:
            return free.first(fixed)
        draws, states = drawn or (0, self._first)
        set_generator_states(self._sampler, states)
        params = _drawn(space, draft(study, self._sampler, trial, fixed, self._known))
        set_system_attr(study, trial, DRAWN, [draws + 1, generator_states(self._sampler)])
        if params in free:
            return params
        random = RandomSampler(seed)
        for _ in range(_DRAWS):
            params = _drawn(space, draft(study, random, trial, fixed, self._known))
            if params in free:
                return params
        if space.is_finite:
            return free.first(fixed)
        if fixed:
            return None
        text = f"none of {_DRAWS} random points meets them"
        raise ConfigError(report([Problem("study.constraints", text)]))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Nothing: every parameter is asked for one by one."""
        del study, trial
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing."""
        del study, trial, search_space
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The chosen point's value."""
        del study, trial, param_distribution
        return self.params[param_name]

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Tell the sampler."""
        if self._sampler is not None:
            end_trial(study, self._sampler, trial, state, values, self._known)


def ask(trial: Trial, param: Parameter, name: str | None = None) -> Value:
    """Have a trial ask its study's sampler for a parameter, under its key or another name."""
    name = name or param.key
    match param.distribution:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
    raise AssertionError("Optuna has no other distributions")


def _drawn(space: Space, trial: Trial) -> Params:
    return space.draw(lambda param: param.nearest(_plain(ask(trial, param))))


def _plain(value: Any) -> Value:
    """Without NumPy's types, which JSON does not take."""
    chosen: Value = value.item() if isinstance(value, np.generic) else value
    return chosen
