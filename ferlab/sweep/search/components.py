"""Optuna's samplers and pruners as a config names them, tried before a sweep begins."""

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import Trial

from ferlab import instantiate
from ferlab.config.problems import Problem, report
from ferlab.config.study import OptunaComponent, StudyConfig
from ferlab.errors import ConfigError
from ferlab.sweep.search.sampler import ask
from ferlab.sweep.search.space import Space

_STARTUP = 10
"""Trials after which Optuna's samplers go by what was told them, unless they are given others."""

_MOST = 200
"""Trials that are at most tried."""

_EPOCHS = 4
"""Epochs of a trial that is tried: after fewer, no pruner has anything to judge by."""


def build_sampler(config: OptunaComponent, seed: int) -> BaseSampler:
    """The configured sampler.

    Args:
        config: of the sampler.
        seed: of the sampler, and of those within it, where they have none of their own.

    Raises:
        ConfigError: Optuna has no such sampler, or it takes other arguments.
    """
    sampler = _build("sampler", config, seed)
    if isinstance(sampler, GridSampler):
        text = "a grid is trained with study.trials=null"
        raise ConfigError(report([Problem("study.sampler", text)]))
    return sampler if isinstance(sampler, BaseSampler) else _refuse("sampler", config)


def build_pruner(config: OptunaComponent | None) -> BasePruner:
    """The configured pruner, or one that never prunes.

    Raises:
        ConfigError: Optuna has no such pruner, or it takes other arguments.
    """
    if config is None:
        return NopPruner()
    pruner = _build("pruner", config, 0)
    return pruner if isinstance(pruner, BasePruner) else _refuse("pruner", config)


def require(config: StudyConfig, space: Space, budget: int) -> None:
    """Refuse a sampler or a pruner that cannot do its work as configured.

    Both are tried on made-up scores until they go by them, in memory.

    Args:
        config: of the study.
        space: to draw from.
        budget: of the study; no more trials are tried.

    Raises:
        ConfigError: it cannot be made, lacks a package, or does not take the space.
    """
    pruner = build_pruner(config.pruner)
    sampler: BaseSampler = RandomSampler(config.seed)
    trials = 1
    if config.trials is not None:
        sampler = build_sampler(config.sampler, config.seed)
        startup = (config.sampler.model_extra or {}).get("n_startup_trials")
        startup = startup if isinstance(startup, int) else _STARTUP
        trials = min(budget, startup + 2, _MOST)
    directions = [
        StudyDirection.MINIMIZE if less else StudyDirection.MAXIMIZE for less in config.minimised
    ]
    with _quiet():
        study = optuna.create_study(directions=directions, sampler=sampler, pruner=pruner)
        for number in range(trials):
            with _told("sampler", config.sampler):
                trial = study.ask()
                space.draw(lambda param, trial=trial: ask(trial, param))  # type: ignore[misc]
            if len(directions) == 1:
                with _told("pruner", config.pruner):
                    _report(trial, number)
            # What has no point left wants to stop the study, which Optuna has in its loop only.
            with _told("sampler", config.sampler), suppress(RuntimeError):
                study.tell(trial, [1 / (number + 2)] * len(directions))


def _report(trial: Trial, number: int) -> None:
    for epoch in range(1, _EPOCHS):
        trial.report(epoch / (number + _EPOCHS), epoch)
        trial.should_prune()


@contextmanager
def _told(what: str, config: OptunaComponent | None) -> Iterator[None]:
    """Tell what a sampler or a pruner raises as a problem of the config."""
    name = "" if config is None else config.target.rpartition(".")[2]
    try:
        yield
    except ImportError as error:
        text = f"{name} needs a package that is not installed: pip install {error.name}"
        raise ConfigError(report([Problem(f"study.{what}", text)])) from error
    except ConfigError as error:
        raise ConfigError(report([Problem(f"study.{what}", str(error))])) from error
    except Exception as error:
        line = (str(error) or type(error).__name__).splitlines()[0]
        text = f"{name} does not work for this study: {line}"
        raise ConfigError(report([Problem(f"study.{what}", text)])) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Optuna would say of trials that are none."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _build(what: str, config: OptunaComponent, seed: int) -> Any:
    with _told(what, config):
        return _call(config.model_dump(by_alias=True), seed)


def _refuse(what: str, config: OptunaComponent) -> NoReturn:
    text = f"'{config.target}' is not an Optuna {what}"
    raise ConfigError(report([Problem(f"study.{what}", text)]))


def _call(arguments: Mapping[str, Any], seed: int) -> Any:
    """What the arguments describe; some of them may be samplers or pruners themselves."""
    built = {
        key: _call(value, seed) if isinstance(value, Mapping) and "_target_" in value else value
        for key, value in arguments.items()
    }
    allowed = ["optuna.samplers", "optuna.pruners"]
    function = instantiate.locate(str(built["_target_"]), allowed)
    if built.get("seed") is None and "seed" in inspect.signature(function).parameters:
        built["seed"] = seed
    warnings.filterwarnings("ignore", category=ExperimentalWarning)  # for good: of all threads
    return instantiate.call(built, allowed)
