"""Texts that others wrote, parsed only where that takes little time and memory.

What a parser makes of a text may be a thousand times its size, so its parts are counted first.
"""

import json
import stat
from pathlib import Path
from typing import Any

import yaml

from ferlab.errors import DataError

CONFIG_BYTES = 2**18
"""Largest size of a config; a run's has some 1,600 bytes."""

CONFIG_PARTS = 2_000
"""Most keys and values in a config; a run's has some 230."""

DEPTH = 30
"""Deepest nesting of a config; a run's has some 6 levels."""

NUMBER_LENGTH = 60
"""Longest number in a config, in characters; a float64 takes 24."""

JSON_PARTS = 2_000_000
"""Most keys and values in a JSON text; a run of 300 epochs has some 20,000."""

TABLE_CELLS = 5_000_000
"""Most values in a CSV; those of 100 runs on FER2013 have 3,600,000."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Which there is: that of libyaml is ten times faster."""

_RESOLVER = yaml.resolver.Resolver()
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes.

    Raises:
        DataError: it is larger, no regular file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is no regular file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise DataError(f"{path} has more than {limit:,} bytes")
    return data


def read_config(text: bytes, configs: int = 1) -> dict[str, Any]:
    """Parse a config file into plain containers.

    Args:
        text: YAML.
        configs: how many are in it, at most.

    Raises:
        DataError: it is not a YAML mapping; or has aliases, by which a small file can stand for an
            endless one, tags, or more than a config may have.
    """
    try:
        _require_small(text, configs)
        config = yaml.load(text, _LOADER)  # noqa: S506  it is safe
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        raise DataError(f"this is no config: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise DataError(f"this is no config: it is a {type(config).__name__}, not a mapping")
    return config


def _require_small(text: bytes, configs: int) -> None:
    """Refuse a YAML text that could take long, or stand for much; its beginning is enough."""
    if len(text) > configs * CONFIG_BYTES:
        raise DataError(f"this is no config: it has more than {configs * CONFIG_BYTES:,} bytes")
    depth = 0
    for parts, event in enumerate(yaml.parse(text, _LOADER)):
        if isinstance(event, yaml.AliasEvent):
            raise DataError("a recorded config has no YAML aliases, and this one has")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and _is_long_number(event):
            raise DataError(f"a number in it has more than {NUMBER_LENGTH} characters")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            raise DataError("a recorded config has no YAML tags, and this one has")
        if depth > DEPTH or parts > configs * CONFIG_PARTS:
            what = f"{DEPTH} levels" if depth > DEPTH else f"{configs * CONFIG_PARTS:,} parts"
            raise DataError(f"this is no config: it has more than {what}")


def _is_long_number(scalar: yaml.ScalarEvent) -> bool:
    if len(scalar.value) <= NUMBER_LENGTH:
        return False
    tag = _RESOLVER.resolve(yaml.ScalarNode, scalar.value, scalar.implicit)  # type: ignore[no-untyped-call]
    return tag in _NUMBERS


def read_json(text: bytes) -> Any:
    """Parse a JSON text.

    Raises:
        ValueError: it is none, or has more than `JSON_PARTS` values.
    """
    if json_parts(text) > JSON_PARTS:
        raise ValueError(f"it has more than {JSON_PARTS:,} values")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def json_parts(text: bytes) -> int:
    """How many values there are at most in a JSON text."""
    return sum(map(text.count, (b",", b":", b"[", b"{")))


def table_cells(text: str | bytes) -> int:
    """How many values there are at most in a CSV."""
    if isinstance(text, str):
        return text.count(",") + text.count("\n")
    return text.count(b",") + text.count(b"\n")
