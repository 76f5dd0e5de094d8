"""All that was typed, as overrides; and a problem for each text that cannot be one."""

import re
import shlex
from collections.abc import Callable, Sequence

from hydra.core.override_parser.types import ChoiceSweep, Override

from ferlab import secrets
from ferlab.config.overrides.grammar import NoOverrideError, read_override, typed_text
from ferlab.config.overrides.slips import right_space
from ferlab.config.problems import Problem
from ferlab.errors import ConfigError

_LISTS = ("stages", "widths", "kernels", "artifacts", "objective")
"""Keys, by their last part, whose value may be a list."""

_SWEPT = re.compile(r"\+*hydra\.sweeper\.param\w*\.(.+)", re.DOTALL)
"""Some values of a key, typed where an experiment has them."""

_OF_A_SWEEP = ("study", "tracking", "hydra")
"""Sections of which all trials of a sweep have the same."""

_SPACES = re.compile(r"(?<=[,(:=\[{]) | (?=[,)\]}])")
"""Those around punctuation."""


def read_typed(
    texts: Sequence[str], is_group: Callable[[str], bool], may_sweep: bool = False
) -> tuple[list[Override], list[Problem]]:
    """Read what was typed.

    Args:
        texts: the arguments of a command.
        is_group: whether there is a folder of configs of this name.
        may_sweep: whether a key may have several values.

    Returns:
        The overrides that can be composed, and a problem for each other text.
    """
    parsed, problems = [], []
    before = ""
    for text in _joined(texts):
        if "=" not in text and not text.startswith("~"):
            problems.append(Problem("", _stray(text, before)))
            continue
        before = text
        if text not in texts:
            right = shlex.quote(_without_spaces(text))
            problems.append(Problem("", f"'{text}' is in pieces; type it in one: {right}"))
            continue
        try:
            override = _sealed(read_override(text))
        except NoOverrideError as error:
            key, _, value = text.lstrip("+~").partition("=")
            message = str(error)
            if space := right_space(value):
                sweep = f"ferlab train -m {shlex.quote(f'{key}={space}')}"
                message = f"'{value}' is no space of Hydra's; {sweep} sweeps it"
            problems.append(Problem(_key(text), message))
            continue
        if message := _refusal(override, is_group, may_sweep, texts):
            problems.append(Problem(override.key_or_group, message))
        else:
            parsed.append(override)
    return parsed, problems


def read_allowed(overrides: Sequence[str], keys: Sequence[str], rule: str) -> dict[str, str]:
    """Values by their keys, of overrides of a record, of which little may be another.

    Args:
        overrides: as typed.
        keys: that may be given.
        rule: why no other may, ``a reproduced run keeps its config``.

    Raises:
        ConfigError: another key is given, or no value.
    """
    values = {}
    for text in overrides:
        key, _, value = text.partition("=")
        if key not in keys or not value:
            raise ConfigError(
                f"{rule}; of '{text}' only {', '.join(keys)} may be given, as key=value"
            )
        values[key] = value
    return values


def _sealed(override: Override) -> Override:
    """The override, without the password of an address."""
    if override.key_or_group not in secrets.ADDRESSES or override.is_sweep_override():
        return override
    value, text = override.value(), str(override.input_line)
    if not isinstance(value, str) or (sealed := secrets.seal(value)) == value:
        return override
    return read_override(f"{text.partition('=')[0]}={sealed}")


def _joined(texts: Sequence[str]) -> list[str]:
    """The texts, each with those that a shell has cut off from it at a space."""
    joined: list[str] = []
    is_stray = False
    for text in texts:
        before = joined[-1] if joined else ""
        was_stray, is_stray = is_stray, "=" not in text and not text.startswith("~")
        goes_on = text.startswith(("=", ",")) or before.endswith((",", "(", "[", "{", ":"))
        goes_on |= is_stray and (was_stray or before.endswith("="))
        if before and goes_on:
            joined[-1] = f"{before} {text}"
            is_stray = "=" not in joined[-1]
        else:
            joined.append(text)
    return joined


def _stray(text: str, before: str) -> str:
    hint = f", or in quotes what is one: {shlex.quote(f'{before} {text}')}" if before else ""
    return f"'{text}' is not an override; write key=value{hint}"


def _without_spaces(text: str) -> str:
    """An override as it is typed where no shell may cut it."""
    key, _, value = text.partition("=")
    return f"{key.strip()}={_SPACES.sub('', value.strip())}"


def _refusal(
    override: Override, is_group: Callable[[str], bool], may_sweep: bool, texts: Sequence[str]
) -> str:
    """Why an override that was read can have no effect here; empty if it can."""
    key = override.key_or_group
    if override.is_sweep_override():
        return _refused_sweep(override) if may_sweep else _several(override, texts)
    if override.is_delete():
        return ""
    value, group = override.value(), key.replace(".", "/")
    if is_group(key) and not isinstance(value, str | list):
        return f"takes a name; for values of your own write conf/{key}/NAME.yaml"
    if group != key and is_group(group) and isinstance(value, str):
        return f"is a group, so write it with a slash: {group}={value}"
    return ""


def _refused_sweep(override: Override) -> str:
    if inner := _SWEPT.fullmatch(str(override.input_line)):
        return f"is swept as it stands: {shlex.quote(inner[1])}"
    is_fixed = override.key_or_group.partition(".")[0] in _OF_A_SWEEP
    return f"has one value for the whole sweep{_as_text(override)}" if is_fixed else ""


def _several(override: Override, texts: Sequence[str]) -> str:
    text, key = str(override.input_line), override.key_or_group
    ways = [shlex.join(["ferlab", "train", "-m", *texts])]
    if key.rpartition(".")[2] in _LISTS:
        ways.append(f"for a list {key}=[{text.partition('=')[2]}]")
    told = ", or ".join(ways) + _as_text(override)
    return f"several values are a sweep, not a run; give one, or {told}"


def _as_text(override: Override) -> str:
    """How a value that was read as several is typed as one; empty where it can be no text."""
    key, _, value = str(override.input_line).partition("=")
    sweep = override.value()
    is_text = isinstance(sweep, ChoiceSweep) and any(c in value for c in "/. ?")
    is_text &= all(isinstance(one, str) for one in getattr(sweep, "list", []))
    return f"; as one text it is typed {typed_text(key, value)}" if is_text else ""


def _key(text: str) -> str:
    """The key of a text that has one."""
    key, equals, _ = text.partition("=")
    return key.lstrip("+~") if equals else ""
