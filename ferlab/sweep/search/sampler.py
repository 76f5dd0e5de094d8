"""How the next point is chosen: by an Optuna sampler, but never one that was trained before."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from ferlab import instantiate
from ferlab.config.fields import Component
from ferlab.config.problems import Problem, report
from ferlab.config.study import OptunaComponent, StudyConfig
from ferlab.errors import ConfigError
from ferlab.study.params import Params, Value
from ferlab.sweep.search.space import Parameter, Space

_DRAWS = 100
"""Random points tried before the first one left is taken."""


class FixedSampler(BaseSampler):
    """A study's sampler that hands out the one point it was given, through Optuna's own calls."""

    def __init__(self) -> None:
        self.params: Params = {}

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


def ask(trial: Trial, param: Parameter) -> None:
    """Have a trial ask its study's sampler for a parameter."""
    match param.distribution:
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(param.key, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_int(param.key, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_float(param.key, low, high, step=step, log=log)


def suggest(
    space: Space,
    sampler: OptunaComponent | None,
    seed: int,
    study: Study,
    trial: FrozenTrial,
    is_free: Callable[[Params], bool],
) -> Params | None:
    """The point of the next trial; None where none of a finite space is free.

    What it draws follows from ``seed`` and the study's trials alone, so an interrupted sweep
    goes on to the same points.

    Args:
        space: to choose from.
        sampler: as configured; None: in the order of the space.
        seed: of this one trial. A sampler that has a seed of its own keeps that.
        study: with the trials so far.
        trial: the one to choose for.
        is_free: whether a point may be chosen.

    Raises:
        ConfigError: of a space without end, no point that was drawn is free.
    """
    if sampler is None:
        return _first_free(space, is_free)
    params = _sampled(space, _build(sampler, seed), study, trial)
    if is_free(params):
        return params
    random = RandomSampler(seed)
    for _ in range(_DRAWS):
        params = _sampled(space, random, study, trial)
        if is_free(params):
            return params
    if not space.is_finite:
        text = f"none of {_DRAWS} random points meets them"
        raise ConfigError(report([Problem("study.constraints", text)]))
    return _first_free(space, is_free)


def build_pruner(config: OptunaComponent | None) -> BasePruner:
    """The configured pruner, or one that never prunes.

    Raises:
        ConfigError: Optuna has no such pruner, or it takes other arguments.
    """
    if config is None:
        return NopPruner()
    pruner = _call("pruner", config.model_dump(by_alias=True))
    return pruner if isinstance(pruner, BasePruner) else _refuse("pruner", config)


def require(config: StudyConfig) -> None:
    """Refuse a sampler or a pruner that cannot be made as configured.

    Raises:
        ConfigError: Optuna has none such, or it takes other arguments.
    """
    build_pruner(config.pruner)
    if config.trials is not None:
        _build(config.sampler, config.seed)


def _build(config: OptunaComponent, seed: int) -> BaseSampler:
    sampler = _call("sampler", {"seed": seed, **config.model_dump(by_alias=True)})
    if isinstance(sampler, GridSampler):
        text = "a grid is trained with study.trials=null"
        raise ConfigError(report([Problem("study.sampler", text)]))
    return sampler if isinstance(sampler, BaseSampler) else _refuse("sampler", config)


def _call(what: str, arguments: Mapping[str, Any]) -> Any:
    """What the arguments describe; some of them may be samplers or pruners themselves."""
    built = {
        key: _call(what, value) if isinstance(value, Mapping) and "_target_" in value else value
        for key, value in arguments.items()
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return instantiate.call(built, allow=["optuna.samplers", "optuna.pruners"])
    except (ConfigError, TypeError, ValueError) as error:
        raise ConfigError(report([Problem(f"study.{what}", str(error))])) from error


def _refuse(what: str, config: Component) -> NoReturn:
    text = f"'{config.target}' is not an Optuna {what}"
    raise ConfigError(report([Problem(f"study.{what}", text)]))


def _sampled(space: Space, sampler: BaseSampler, study: Study, trial: FrozenTrial) -> Params:
    relative = sampler.sample_relative(
        study, trial, sampler.infer_relative_search_space(study, trial)
    )

    def value(param: Parameter) -> Value:
        if param.key in relative:
            return param.nearest(_plain(relative[param.key]))
        drawn = sampler.sample_independent(study, trial, param.key, param.distribution)
        return param.nearest(_plain(drawn))

    return space.draw(value)


def _plain(value: Any) -> Value:
    """Without NumPy's types, which JSON does not take."""
    chosen: Value = value.item() if isinstance(value, np.generic) else value
    return chosen


def _first_free(space: Space, is_free: Callable[[Params], bool]) -> Params | None:
    return next(filter(is_free, space.all_params()), None)
