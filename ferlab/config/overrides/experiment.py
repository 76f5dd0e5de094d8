"""An experiment as its file has it, and what of it or of what was typed one run would lose."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ferlab.config.attention import KINDS, NONE, Placed
from ferlab.config.overrides.grammar import NoOverrideError, read_override
from ferlab.config.overrides.other_sweepers import defaults_problems, with_sampler
from ferlab.config.problems import Problem, flatten
from ferlab.text import join_words

Load = Callable[[str], ConfigResult | None]
"""Reads ``experiments/NAME``; None where there is none."""

_NOT_GLOBAL = "its first line must be '# @package _global_', for its keys to be the config's"


def loader(sources: Sequence[ConfigSource]) -> Load:
    """What reads a config from the first of Hydra's sources that has it."""

    def load(path: str) -> ConfigResult | None:
        try:
            return next((one.load_config(path) for one in sources if one.is_config(path)), None)
        except (YAMLError, OmegaConfBaseException, OSError, ValueError):
            return None  # composing it tells what is wrong

    return load


class Foreign(NamedTuple):
    """An experiment that cannot be composed, taken apart so that the rest of it can be checked.

    Attributes:
        problems: why it cannot be composed.
        picks: overrides that its ``defaults`` stand for.
        body: its keys.
        sweeper: its ``hydra.sweeper``.
    """

    problems: list[Problem]
    picks: list[str]
    body: dict[str, Any]
    sweeper: dict[str, Any]


def read_foreign(load: Load, name: str) -> Foreign | None:
    """An experiment that names another sweeper or lacks its package; None for any other."""
    problems: list[Problem] = []
    files = list(_files(load, f"experiments/{name}"))
    for path, raw, package in files:
        if package != "_global_":
            problems.append(Problem(f"{path}.yaml", _NOT_GLOBAL))
        problems += defaults_problems(raw.get("defaults"))
    if not problems:
        return None
    _, body, _ = files[0]
    defaults = body.pop("defaults", None) or []
    hydra = body.pop("hydra", None) or {}
    sweeper = hydra.get("sweeper") if isinstance(hydra, Mapping) else None
    sweeper = with_sampler(sweeper if isinstance(sweeper, Mapping) else {}, defaults)
    picked = [e for e in defaults if isinstance(e, Mapping)]
    groups = {str(key).split()[-1].lstrip("/"): one for e in picked for key, one in e.items()}
    picks = [f"{group}={one}" for group, one in groups.items() if not group.startswith("hydra/")]
    if isinstance(hydra, Mapping) and hydra.get("mode") is not None:
        problems.append(mode_problem())
    return Foreign(problems, picks, body, sweeper)


def mode_problem() -> Problem:
    """The problem of a config that says by itself whether it sweeps."""
    return Problem("hydra.mode", "leave it out; ferlab sweep and ferlab train -m sweep")


def _files(load: Load, path: str) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """An experiment and those that it is made of: path, content, and package."""
    result = load(path)
    if result is None or not OmegaConf.is_dict(result.config):
        return
    raw: Any = OmegaConf.to_container(result.config, resolve=False)
    yield path, raw, result.header.get("package")
    for entry in raw.get("defaults") or []:
        if isinstance(entry, str) and entry != "_self_":
            folder = path.rpartition("/")[0]
            yield from _files(load, entry[1:] if entry[0] == "/" else f"{folder}/{entry}")


def sweep_problems(
    sweeper: Mapping[str, Any], experiment: str | None, typed: Mapping[str, Any]
) -> Iterator[Problem]:
    """Refuse a sweep that is given to a command that trains one run.

    Args:
        sweeper: the composed ``hydra.sweeper``.
        experiment: its name.
        typed: what was typed, by key.
    """
    params = sweeper.get("params") or {}
    when = sweeper.get("when") or {}
    left = [
        key
        for key, values in flatten(params).items()
        if key not in typed and _is_swept(key, values) and _is_drawn(when.get(key) or {}, typed)
    ]
    if left:
        file = f"experiments/{experiment}.yaml" if experiment else "hydra.sweeper.params"
        how = f"ferlab sweep {experiment}" if experiment else "ferlab train -m"
        values = " ".join(f"{key}=..." for key in left)
        yield Problem(
            file,
            f"sweeps {join_words(left)}, so it is not one run; {how} sweeps, and a single run has "
            f"a value for each: {values}",
        )


def _is_swept(key: str, values: Any) -> bool:
    try:
        return isinstance(values, list) or read_override(f"{key}={values}").is_sweep_override()
    except NoOverrideError:
        return True


def _is_drawn(conditions: Mapping[str, Any], typed: Mapping[str, Any]) -> bool:
    return all(
        key in typed and typed[key] in (values if isinstance(values, list) else [values])
        for key, values in conditions.items()
    )


def attention_problems(kind: Any, typed: Sequence[str]) -> Iterator[Problem]:
    """Refuse keys of attention that were typed for one run and that its kind does not have."""
    own = set() if kind == NONE else {*Placed.model_fields, *(KINDS[kind].keys)}
    for key in typed:
        section, _, word = key.rpartition(".")
        kinds = [name for name, each in KINDS.items() if word in each.keys]
        kinds = list(KINDS) if word in ("stages", "position") else kinds
        if section == "model.attention" and word not in {*own, "kind"} and kinds:
            yield Problem(
                key,
                f"belongs to {join_words(kinds)}, and the attention is {kind}; leave it out, or "
                f"say model.attention.kind={kinds[0]}",
            )
