"""Hydra's composition, with every mistake in the overrides found before it fails."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from ferlab import hydra_private, paths, secrets
from ferlab.config.attention import KINDS, NONE, complete
from ferlab.config.check import check, take_missing
from ferlab.config.overrides.experiment import (
    attention_problems,
    loader,
    mode_problem,
    read_foreign,
    sweep_problems,
)
from ferlab.config.overrides.grammar import quoted, read_override
from ferlab.config.overrides.in_place import replace_in_place
from ferlab.config.overrides.mistakes import Compose, compose_without_mistakes
from ferlab.config.overrides.other_sweepers import (
    group_problem,
    sweeper_problems,
    swept_keys,
)
from ferlab.config.overrides.project import is_group, list_choices, start_hydra
from ferlab.config.overrides.typed import read_typed
from ferlab.config.problems import Problem, flatten, report
from ferlab.config.schema import Config, known
from ferlab.config.study import study_problems
from ferlab.errors import ConfigError


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
    plain, problems = compose_plain(overrides)
    return finish(plain, [*beside, *problems])


def compose_plain(overrides: Sequence[str]) -> tuple[dict[str, Any], list[Problem]]:
    """Compose the config of one run, not checked yet, and the problems that were found on the way.

    Raises:
        ConfigError: it cannot be composed.
    """
    config, _, problems = _composed_run(overrides)
    return _plain(config), problems


def compose_typed(overrides: Sequence[str]) -> Config:
    """Compose what a user typed to train one run, see `compose`; refuses what it would not use.

    Raises:
        ConfigError: one message that lists every problem; also of a sweep, and of keys of another
            kind of attention.
    """
    config, typed, problems = _composed_run(overrides)
    plain, experiment = (
        _plain(config),
        OmegaConf.select(config, "hydra.runtime.choices.experiments"),
    )
    values = {one.key_or_group: one.value() for one in typed if not one.is_delete()}
    problems += _sweeper_problems(config)
    problems += sweep_problems(_section(config), experiment, values)
    model = plain.get("model")
    kind = OmegaConf.select(config, "model.attention.kind")
    if known("model", model) and kind in (NONE, *KINDS):
        problems += attention_problems(kind, list(values))
    return finish(plain, problems)


def finish(plain: dict[str, Any], problems: Sequence[Problem]) -> Config:
    """Complete, type and check what was composed.

    Raises:
        ConfigError: one message that lists every problem.
    """
    plain.pop("study", None)  # of a sweep, not of its runs
    model: Any = plain.get("model")
    unknown: Sequence[Problem] = ()
    if known("model", model) and isinstance(model.get("attention"), dict):
        model["attention"], unknown = complete(model["attention"])
    return check(plain, [*problems, *unknown])


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


def compose_sweep(overrides: Sequence[str]) -> dict[str, Any]:
    """Compose what a sweep is made of, in the form of an experiment, its space included.

    Args:
        overrides: as typed; those with several values are swept.

    Raises:
        ConfigError: one message that lists every problem.
    """
    _, config = _launching(overrides, may_sweep=True)
    typed = [read_override(text) for text in config.hydra.overrides.task]
    swept = [override for override in typed if override.is_sweep_override()]
    values = {o.key_or_group: str(o.input_line).partition("=")[2] for o in swept}
    section = _section(config)
    params = {**flatten(section["params"]), **values}
    sweeper = {"params": params, **({"when": section["when"]} if section["when"] else {})}
    return {**_plain(config), "hydra": {"sweeper": sweeper}}


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
    return list_choices() + [f"{key}=" for key in flatten(_plain(_composed_run([])[0]))]


def _launching(
    overrides: Sequence[str], needs_baseline: bool = False, may_sweep: bool = False
) -> tuple[HydraContext, DictConfig]:
    """Hydra's context and its config of many runs, composed once, or every problem of it."""
    hydra = start_hydra()
    parsed, problems = read_typed(overrides, is_group(hydra), may_sweep)

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

    config = _composed(hydra, composed, parsed, problems)
    if foreign := _sweeper_problems(config):
        _refuse(_plain(config), _section(config), [*problems, *foreign])
    if may_sweep and _lacks_values(config, parsed):  # told before Optuna and torch are imported
        compose([str(o.input_line) for o in parsed if not o.is_sweep_override()], problems)
    study: Any = _plain(config).get("study")
    if not isinstance(study, dict):
        problems += study_problems(study)
    elif needs_baseline and study.get("baseline") is None:
        problems.append(Problem("study.baseline", "is required, as {KEY: VALUE}, to be compared"))
    if problems:
        raise ConfigError(report(problems))
    return hydra_private.context_of(hydra, config), config


def _composed_run(
    overrides: Sequence[str],
) -> tuple[DictConfig, list[Override], list[Problem]]:
    """The composed config of one run, what was typed, and the problems of it."""
    hydra = start_hydra()
    parsed, problems = read_typed(overrides, is_group(hydra))

    def composed(overrides: Sequence[Override]) -> DictConfig:
        texts = [_permissive(hydra, override) for override in overrides]
        config = hydra.compose_config("config", texts, RunMode.RUN, with_log_configuration=False)
        _plain(config)  # finds what cannot be resolved while it is known which override it was
        return config

    return _composed(hydra, composed, parsed, problems), parsed, problems


def _composed(
    hydra: hydra_private.Hydra, composed: Compose, parsed: list[Override], problems: list[Problem]
) -> DictConfig:
    """Compose what was typed, or tell all that is wrong with an experiment of another sweeper."""
    for override in list(parsed):
        if problem := group_problem(override.key_or_group, override.value()):
            problems.append(problem)
            parsed.remove(override)
    named = next((o for o in parsed if o.key_or_group == "experiments"), None)
    name = named.value() if named is not None else None
    foreign = (
        read_foreign(loader(hydra.config_loader.get_sources()), name)
        if isinstance(name, str)
        else None
    )
    if foreign is None:
        config = compose_without_mistakes(composed, parsed, problems)
        sources = hydra.config_loader.get_sources()
        return _sealed(
            replace_in_place(config, parsed, lambda texts: _plain(composed(texts)), sources)
        )
    picks = [read_override(text) for text in foreign.picks]
    rest = [override for override in parsed if override is not named]
    config = compose_without_mistakes(composed, [*picks, *rest], problems)
    plain: Any = OmegaConf.to_container(OmegaConf.merge(_plain(config), foreign.body))
    problems = [*problems, *foreign.problems, *sweeper_problems(foreign.sweeper)]
    return _refuse(plain, foreign.sweeper, problems)


def _refuse(
    plain: dict[str, Any], sweeper: Mapping[str, Any], problems: Sequence[Problem]
) -> NoReturn:
    """Report problems of a sweep together with those of its config and of the keys it sweeps."""
    study = study_problems(plain.get("study"))
    config = OmegaConf.create(plain)
    for key in swept_keys(sweeper):
        if not key.startswith(("/", "study.")) and OmegaConf.select(config, key) is None:
            OmegaConf.update(config, key, 0, force_add=True)  # only keys that are there are known
    swept: Any = OmegaConf.to_container(config)
    finish(swept, [*problems, *study])
    raise ConfigError(report(problems))


def _section(config: DictConfig) -> dict[str, Any]:
    """The composed ``hydra.sweeper``."""
    section: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
    return section if isinstance(section, dict) else {}


def _sweeper_problems(config: DictConfig) -> list[Problem]:
    mode = [] if config.hydra.mode is None else [mode_problem()]
    return [*mode, *sweeper_problems(_section(config))]


def _lacks_values(config: DictConfig, typed: Sequence[Override]) -> bool:
    """Whether a value that must be given is neither given nor swept."""
    params: Any = OmegaConf.select(config, "hydra.sweeper.params") or {}
    swept = {key.replace("/", ".") for key in flatten(params)}
    swept |= {o.key_or_group.replace("/", ".") for o in typed if o.is_sweep_override()}
    missing = [problem.path for problem in take_missing(_plain(config))]
    return any(not any(f"{path}.".startswith(f"{key}.") for key in swept) for path in missing)


def _unused(config: Any) -> None:
    """Placeholder for Hydra's task function; ferlab's sweeper has its own."""


def _plain(config: DictConfig) -> dict[str, Any]:
    """Nested containers of all but Hydra's own section, interpolations resolved."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    plain: dict[str, Any] = OmegaConf.to_container(own, resolve=True)  # type: ignore[assignment]
    return secrets.seal_addresses(plain)


def _sealed(config: DictConfig) -> DictConfig:
    """The config, which launchers may write to files, with no password in it."""
    for key in secrets.ADDRESSES:
        section, name = key.split(".")
        values = config.get(section)
        if not isinstance(values, DictConfig) or OmegaConf.is_interpolation(values, name):
            continue
        if isinstance(address := values.get(name), str):
            OmegaConf.update(config, key, secrets.seal(address))
    return config


def _permissive(hydra: hydra_private.Hydra, override: Override) -> str:
    """Let an unknown key through, for the schema to name it and to suggest the right one."""
    text = override.input_line or ""
    is_plain = override.is_force_add() or override.is_add() or override.is_delete()
    return text if is_plain or is_group(hydra)(override.key_or_group) else f"++{text}"
