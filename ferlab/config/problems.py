"""Problems of a config, and the message that reports them."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_BEGIN = "config: "

_SHOWN = 40
"""Problems that are listed; the others are counted."""

TWICE = "stands here twice, with dots and within another key; leave one of them out"
"""What is wrong with `keys_twice`."""

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One problem: the dotted path of a value and what is wrong with it."""

    path: str
    message: str


def report(problems: Iterable[Problem]) -> str:
    """One message out of all problems; a single one takes a single line."""
    return report_lines(
        [f"{path}: {message}" if path else message for path, message in dict.fromkeys(problems)]
    )


def report_lines(lines: Sequence[str]) -> str:
    """One message out of the lines of all problems."""
    if len(lines) == 1:
        return f"{_BEGIN}{lines[0]}"
    rest = [f"and {len(lines) - _SHOWN:,} more"] if len(lines) > _SHOWN else []
    return "\n  ".join([f"{_BEGIN}{len(lines):,} problems", *lines[:_SHOWN], *rest])


def lines_of(text: str) -> list[str]:
    """The problems of what `report` gave, each in its line."""
    first, *rest = text.split("\n  ")
    return rest or [first.removeprefix(_BEGIN)]


def without_begin(text: str) -> str:
    """What `report` gave, to stand behind other words on which config is meant."""
    return text.removeprefix(_BEGIN)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the likeliest intended word, or the list of all when none is near."""
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known are {', '.join(options)}" if options else "none is known"


def dotted(path: Path) -> str:
    """``("model", "stages", 0, "pool")`` -> ``model.stages[0].pool``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted keys: ``{"a": {"b": 1}}`` -> ``{"a.b": 1}``; lists stay whole."""
    return dict(_leaves(config, prefix))


def keys_twice(config: Mapping[str, Any]) -> list[str]:
    """Dotted keys of which one value would be lost: those of ``{"a.b": 1, "a": {"b": 2}}``."""
    return [key for key, times in Counter(key for key, _ in _leaves(config)).items() if times > 1]


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
