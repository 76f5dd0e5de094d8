"""Hydra's composition, with every mistake in the overrides found before it fails."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ferlab import paths
from ferlab.config.check import Problem, check, did_you_mean, report
from ferlab.config.schema import Config
from ferlab.errors import ConfigError


def compose(overrides: Sequence[str] = ()) -> Config:
    """Compose, type and check the config of one run.

    Groups and experiments are looked up in ferlab's own ``conf/`` and ``experiments/``, then in
    folders of these names in the working directory.

    Args:
        overrides: as typed, in Hydra's grammar: ``data=fer2013``, ``optimizer.lr=0.1``.

    Raises:
        ConfigError: one message that lists every problem.
    """
    parsed, problems = _parse(overrides)
    plain = _compose(parsed, problems)
    plain.pop("study", None)  # of a sweep, not of its runs
    return check(plain, problems)


def multirun(overrides: Sequence[str]) -> Any:
    """Hand a sweep to the Hydra sweeper that is configured.

    Args:
        overrides: as typed; those with several values are swept.

    Returns:
        What the sweeper returns.

    Raises:
        ConfigError: one message that lists every problem.
    """
    parsed, problems = _parse(overrides, may_sweep=True)
    _compose([override for override in parsed if not override.is_sweep_override()], problems)
    if problems:
        raise ConfigError(report(problems))
    with initialize_config_dir(str(paths.shipped() / "conf"), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra  # taken out, for trials to be composed meanwhile
    if hydra is None:
        raise RuntimeError("Hydra did not start")
    own = [f"hydra.searchpath=[{_searchpath()}]", f"hydra.sweep.dir='{paths.home()}'"]
    texts = [str(o.input_line) if o.is_sweep_override() else _permissive(o) for o in parsed]
    return hydra.multirun("config", _unused, [*own, *texts])


def _unused(config: Any) -> None:
    """Hydra's task; ferlab's sweeper brings its own."""


def _parse(
    overrides: Sequence[str], may_sweep: bool = False
) -> tuple[list[Override], list[Problem]]:
    parser = OverridesParser.create()
    parsed, problems = [], []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            problems.append(Problem("", f"'{text}' is not an override; write key=value"))
            continue
        key = override.key_or_group
        if override.is_sweep_override() and may_sweep:
            parsed.append(override)
        elif override.is_sweep_override():
            problems.append(Problem(key, "several values are a sweep, not a run; give one"))
        elif _is_group(key) and not isinstance(override.value(), str | list | None):
            problems.append(
                Problem(key, f"takes a name; for values of your own write conf/{key}/NAME.yaml")
            )
        else:
            parsed.append(override)
    return parsed, problems


def _compose(overrides: list[Override], problems: list[Problem]) -> dict[str, Any]:
    """Plain nested containers; an override that names no known option is dropped and reported."""
    with initialize_config_dir(str(paths.shipped() / "conf"), version_base="1.3"):
        while True:
            try:
                composed = hydra_compose(
                    "config",
                    overrides=[
                        f"hydra.searchpath=[{_searchpath()}]",
                        *(_permissive(override) for override in overrides),
                    ],
                )
                plain: dict[str, Any] = OmegaConf.to_container(composed, resolve=True)  # type: ignore[assignment]
                return plain
            except MissingConfigException as error:
                missing = error.missing_cfg_file or ""
                group, _, name = missing.rpartition("/")
                culprit = next((o for o in overrides if o.value() == name), None)
                problems.append(
                    Problem(
                        group, f"there is no '{name}'; {did_you_mean(name, error.options or ())}"
                    )
                )
                if culprit is None:
                    raise ConfigError(report(problems)) from error
                overrides.remove(culprit)
            except (HydraException, OmegaConfBaseException) as error:
                first_line = str(error.__cause__ or error).splitlines()[0]
                raise ConfigError(report([*problems, Problem("", first_line)])) from error


def _permissive(override: Override) -> str:
    """Let an unknown key through, for the schema to name it and to suggest the right one."""
    text = override.input_line or ""
    is_plain = override.is_force_add() or override.is_add() or override.is_delete()
    return text if is_plain or _is_group(override.key_or_group) else f"++{text}"


def _is_group(key: str) -> bool:
    return any((root / key).is_dir() for root in (paths.shipped() / "conf", *_roots()))


def _searchpath() -> str:
    return ",".join(f"file://{root}" for root in _roots())


def _roots() -> list[Path]:
    """Folders of config groups beside ``conf/``: what holds experiments, and the user's own."""
    own = [Path.cwd() / "conf", *([Path.cwd()] if (Path.cwd() / "experiments").is_dir() else [])]
    return [paths.shipped(), *(root for root in own if root.is_dir())]
