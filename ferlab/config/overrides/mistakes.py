"""What Hydra trips over when it composes, as problems of the override that it comes from."""

import re
from collections.abc import Callable, Sequence

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ferlab.config.overrides.other_sweepers import hint_at_option
from ferlab.config.overrides.slips import right_name
from ferlab.config.problems import Problem, did_you_mean, report
from ferlab.config.schema import Config
from ferlab.errors import ConfigError

Compose = Callable[[Sequence[Override]], DictConfig]
"""Composes overrides that were read."""

_FAILURES = (HydraException, OmegaConfBaseException, TypeError)  # TypeError: of a list's index
_NO_GROUP = re.compile(r"Could not override '([^']+)'")
_DOUBLED = "found duplicate key "
_CLEARER = {"list index out of range": "the list has no such element; they count from 0"}


def compose_without_mistakes(
    composed: Compose, overrides: list[Override], problems: list[Problem]
) -> DictConfig:
    """Compose; an override that names no known option is dropped and reported.

    Args:
        composed: composes what is left.
        overrides: as read; those that cannot be composed are taken out.
        problems: those found so far, to which the ones found here are added.

    Raises:
        ConfigError: one message that lists every problem, where nothing can be composed.
    """
    while True:
        try:
            found = composed(overrides)
        except MissingConfigException as error:
            missing = error.missing_cfg_file or ""
            group, _, name = missing.rpartition("/")
            culprit = next((o for o in overrides if o.value() == name), None)
            hint = hint_at_option(group, name, error.options or ())
            problems.append(Problem(group, f"there is no '{name}'; {hint}"))
            if culprit is None:
                raise ConfigError(report(problems)) from error
            overrides.remove(culprit)
        except _FAILURES as error:
            first_line = str(error.__cause__ or error).splitlines()[0]
            key = _culprit(composed, overrides)
            problems.append(Problem(key, _clearer(first_line)))
            raise ConfigError(report(problems)) from error
        except YAMLError as error:
            raise ConfigError(report([*problems, _unreadable(error)])) from error
        else:
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


def _clearer(line: str) -> str:
    """What Hydra says, in a user's words."""
    if group := _NO_GROUP.match(line):
        known_ones = (*Config.model_fields, "study", "experiments")
        name = right_name(group[1])
        hint = f"did you mean '{name}'?" if name else did_you_mean(group[1], known_ones)
        return f"ferlab's config has no group '{group[1]}'; {hint}"
    return _CLEARER.get(line, line)


def _unreadable(error: YAMLError) -> Problem:
    """The problem of a config file that is no YAML."""
    mark = getattr(error, "problem_mark", None)
    where = f"{mark.name}, line {mark.line + 1}" if mark is not None else ""
    what = str(getattr(error, "problem", None) or error)
    if what.startswith(_DOUBLED):
        key = what.removeprefix(_DOUBLED)
        return Problem(where, f"the key {key} stands here twice; leave one of them out")
    return Problem(where, f"is no YAML: {what}")
