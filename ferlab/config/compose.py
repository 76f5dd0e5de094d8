"""Hydra's composition, with every mistake in the overrides found before it fails."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ferlab import hydra_private, paths
from ferlab.config.attention import complete
from ferlab.config.check import check
from ferlab.config.overrides.grammar import quoted
from ferlab.config.overrides.typed import read_typed
from ferlab.config.problems import Problem, did_you_mean, report
from ferlab.config.schema import Config, known
from ferlab.config.study import study_problems
from ferlab.errors import ConfigError

_Composed = TypeVar("_Composed", dict[str, Any], DictConfig)

_FAILURES = (HydraException, OmegaConfBaseException, TypeError)  # TypeError: of a list's index
_CLEARER = {"list index out of range": "the list has no such element; they count from 0"}

_NOT_GLOBAL = "its first line must be '# @package _global_', for its keys to be the config's"


def compose(overrides: Sequence[str] = (), beside: Sequence[Problem] = ()) -> Config:
    """Compose, type and check the config of one run.

    Groups and experiments are looked up in the working folder's ``conf/`` and ``experiments/``,
    then in ferlab's own.

    Args:
        overrides: as typed, in Hydra's grammar: ``data=fer2013``, ``optimizer.lr=0.1``.
        beside: problems found elsewhere, to be reported together with those of the config.

    Raises:
        ConfigError: one message that lists every problem.
    """
    hydra = _hydra()
    parsed, problems = read_typed(overrides, _groups(hydra))
    plain = _compose(hydra, parsed, problems)
    plain.pop("study", None)  # of a sweep, not of its runs
    model: Any = plain.get("model")
    if known("model", model) and isinstance(model.get("attention"), dict):
        model["attention"], unknown = complete(model["attention"])
        problems += unknown
    return check(plain, [*beside, *problems])


def multirun(overrides: Sequence[str], needs_baseline: bool = False) -> Any:
    """Hand a sweep to the Hydra sweeper that is configured.

    Args:
        overrides: as typed; those with several values are swept.
        needs_baseline: whether ``study.baseline`` must be given.

    Returns:
        What the sweeper returns.

    Raises:
        ConfigError: one message that lists every problem.
    """
    context, config = _launching(overrides, needs_baseline, may_sweep=True)
    sweeper = Plugins.instance().instantiate_sweeper(
        config=config, hydra_context=context, task_function=_unused
    )
    arguments: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    context.callbacks.on_multirun_start(config=config, config_name="config")
    result = sweeper.sweep(arguments)
    context.callbacks.on_multirun_end(config=config, config_name="config")
    return result


def launching(overrides: Sequence[str]) -> tuple[HydraContext, DictConfig]:
    """Compose what launches workers: Hydra's context, and a config that names the launcher.

    Args:
        overrides: as typed: ``hydra/launcher=joblib``.

    Raises:
        ConfigError: one message that lists every problem.
    """
    return _launching(overrides)


def list_overrides() -> list[str]:
    """What may be typed: ``GROUP=NAME`` of each file of each group, ``KEY=`` of the default config.

    Raises:
        ConfigError: the default config cannot be composed.
    """
    hydra = _hydra()
    loader, found = hydra.config_loader, []
    groups = loader.list_groups("")
    while groups:
        group = groups.pop()
        names = loader.get_group_options(group, ObjectType.CONFIG)
        found += [f"{group}={name}" for name in names]
        groups += [f"{group}/{name}" for name in loader.list_groups(group)]
    return sorted(found) + [f"{key}=" for key in _leaves(_compose(hydra, [], []))]


def _leaves(value: Any, key: str = "") -> Iterator[str]:
    """The dotted keys of all that is no container with keys."""
    if not isinstance(value, dict):
        yield key
        return
    for name, inner in value.items():
        yield from _leaves(inner, f"{key}.{name}" if key else str(name))


def _launching(
    overrides: Sequence[str], needs_baseline: bool = False, may_sweep: bool = False
) -> tuple[HydraContext, DictConfig]:
    """Hydra's context and its config of many runs, composed once, or every problem of it."""
    hydra = _hydra()
    parsed, problems = read_typed(overrides, _groups(hydra), may_sweep)

    def composed(overrides: Sequence[Override]) -> DictConfig:
        texts = [
            str(o.input_line) if o.is_sweep_override() else _permissive(hydra, o) for o in overrides
        ]
        home = f"hydra.sweep.dir={quoted(str(paths.home()))}"  # of which jobs are told, too
        config = hydra.compose_config(
            "config", [home, "hydra.sweep.subdir=.", *texts], RunMode.MULTIRUN
        )
        _plain(config)  # finds what cannot be resolved while it is known which override it was
        return config

    config = _without_mistakes(composed, parsed, problems)
    study: Any = _plain(config).get("study")
    if not isinstance(study, dict):
        problems += study_problems(study)
    elif needs_baseline and study.get("baseline") is None:
        problems.append(Problem("study.baseline", "is required, as {KEY: VALUE}, to be compared"))
    if problems:
        raise ConfigError(report(problems))
    return hydra_private.context_of(hydra, config), config


def _hydra() -> hydra_private.Hydra:
    """Hydra on ferlab's own configs, and before them on those where somebody works."""
    ferlabs, here = paths.shipped(), Path.cwd()
    has_own = any((here / name).is_dir() for name in ("conf", "experiments"))
    before = [f"project://{here}"] if has_own and here.resolve() != ferlabs else []
    return hydra_private.start(f"project://{ferlabs}", before)


def _groups(hydra: hydra_private.Hydra) -> Callable[[str], bool]:
    """What tells whether there is a group of configs of a name."""
    sources = hydra.config_loader.get_sources()
    return lambda name: any(source.is_group(name) for source in sources)


def _unused(config: Any) -> None:
    """Placeholder for Hydra's task function; ferlab's sweeper has its own."""


def _compose(
    hydra: hydra_private.Hydra, overrides: list[Override], problems: list[Problem]
) -> dict[str, Any]:
    """Compose the config of one run, as plain containers; see `_without_mistakes`."""

    def composed(overrides: Sequence[Override]) -> dict[str, Any]:
        texts = [_permissive(hydra, override) for override in overrides]
        config = hydra.compose_config("config", texts, RunMode.RUN, with_log_configuration=False)
        return _plain(config)

    return _without_mistakes(composed, overrides, problems)


def _plain(config: DictConfig) -> dict[str, Any]:
    """Nested containers of all but Hydra's own section, interpolations resolved."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    plain: dict[str, Any] = OmegaConf.to_container(own, resolve=True)  # type: ignore[assignment]
    return plain


def _without_mistakes(
    composed: Callable[[Sequence[Override]], _Composed],
    overrides: list[Override],
    problems: list[Problem],
) -> _Composed:
    """Compose; an override that names no known option is dropped and reported."""
    while True:
        try:
            found = composed(overrides)
        except MissingConfigException as error:
            missing = error.missing_cfg_file or ""
            group, _, name = missing.rpartition("/")
            culprit = next((o for o in overrides if o.value() == name), None)
            problems.append(
                Problem(group, f"there is no '{name}'; {did_you_mean(name, error.options or ())}")
            )
            if culprit is None:
                raise ConfigError(report(problems)) from error
            overrides.remove(culprit)
        except _FAILURES as error:
            first_line = str(error.__cause__ or error).splitlines()[0]
            key = _culprit(composed, overrides)
            problems.append(Problem(key, _CLEARER.get(first_line, first_line)))
            raise ConfigError(report(problems)) from error
        except YAMLError as error:
            raise ConfigError(report([*problems, _unreadable(error)])) from error
        else:
            break
    named = next((o.value() for o in overrides if o.key_or_group == "experiments"), None)
    if named is not None and "experiments" in found:
        raise ConfigError(report([*problems, Problem(f"experiments/{named}.yaml", _NOT_GLOBAL)]))
    return found


def _culprit(
    composed: Callable[[Sequence[Override]], object], overrides: Sequence[Override]
) -> str:
    """The key of the override without which there would be no error; empty if none is it."""
    for override in overrides:
        try:
            composed([other for other in overrides if other is not override])
        except _FAILURES:
            continue
        return override.key_or_group
    return ""


def _unreadable(error: YAMLError) -> Problem:
    """The problem of a config file that is no YAML."""
    mark = getattr(error, "problem_mark", None)
    where = f"{mark.name}, line {mark.line + 1}" if mark is not None else ""
    return Problem(where, f"is no YAML: {getattr(error, 'problem', None) or error}")


def _permissive(hydra: hydra_private.Hydra, override: Override) -> str:
    """Let an unknown key through, for the schema to name it and to suggest the right one."""
    text = override.input_line or ""
    is_plain = override.is_force_add() or override.is_add() or override.is_delete()
    return text if is_plain or _groups(hydra)(override.key_or_group) else f"++{text}"
