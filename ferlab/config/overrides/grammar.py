"""One override: read in Hydra's grammar, or as it stands where that has no reading of it."""

import re
import shlex
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

_STRUCTURE = re.compile(r"[\[{\"']|[\w.]+\(")
"""How a value begins that was meant to be more than a plain text: a list, a call, quotes."""

_WITH_NULL = re.compile(r"\s*choice\(((?:.*,)?\s*null\s*(?:,.*)?)\)\s*")
"""A choice with null among its values, which Hydra's grammar has in a plain list alone."""


class NoOverrideError(ValueError):
    """A text that is no override; the message says what would be one."""


def read_override(text: str) -> Override:
    """Read one override.

    A value with characters that Hydra's grammar keeps for itself, as in ``data.path=a (1).zip``,
    is taken as it stands where the grammar has no reading of it, and where it is the path of
    something that is there.

    Raises:
        NoOverrideError: it has no value, its key cannot be one, or its value was meant to be a
            list or a call and is none.
    """
    key, equals, value = text.partition("=")
    parser = OverridesParser.create()
    try:
        override = parser.parse_override(text)
    except HydraException as error:
        if not equals:
            raise NoOverrideError(f"'{text}' is not an override; write key=value") from error
        if not _is_key(key):
            raise NoOverrideError(f"'{text}' is not an override; {_right_key(key)}") from error
        if listed := _WITH_NULL.fullmatch(value):
            raise NoOverrideError(
                f"'{value}': Hydra's choice() takes no null; write {listed[1]}"
            ) from error
        if _STRUCTURE.match(value) and not _is_there(value):
            raise NoOverrideError(
                f"'{value}' is no value in Hydra's grammar; as a plain text it is typed "
                f"{typed_text(key, value)}"
            ) from error
        return parser.parse_override(f"{key}={quoted(value)}")
    means_more = override.is_sweep_override() or isinstance(override.value(), list | dict)
    if (means_more or "${" in value) and _is_there(value):
        return parser.parse_override(f"{key}={quoted(value)}")
    return override


def quoted(text: str) -> str:
    """A text in the quotes of Hydra's grammar, by which it is a value as it stands."""
    text = text.replace("${", r"\${")  # or it would be an interpolation
    quote = Quote.single if '"' in text else Quote.double
    return QuotedString(text, quote).with_quotes()


def typed_text(key: str, value: str) -> str:
    """How a shell's user types a plain text as a value: ``'data.path="a, b.zip"'``."""
    return shlex.quote(f"{key}={quoted(value)}")


def as_choice(text: str) -> str:
    """A text as one of several values of an override; in quotes, if it would not be one."""
    try:
        one = OverridesParser.create().parse_override(f"key={text}")
    except HydraException:
        return quoted(text)
    return quoted(text) if one.is_sweep_override() else text


def _is_key(key: str) -> bool:
    try:
        OverridesParser.create().parse_override(f"{key}=0")
    except HydraException:
        return False
    return True


def _right_key(key: str) -> str:
    right = re.sub(r"\[(\d+)\]", r".\1", key)
    return f"write {right}=value" if right != key else f"'{key}' cannot be a key"


def _is_there(value: str) -> bool:
    try:
        return Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # longer than a path may be; of no such user
        return False
