"""Check a config and report all its problems at once, each in a line."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ferlab.config.explain import explain
from ferlab.config.problems import Path, Problem, dotted, report
from ferlab.config.rules import RULES
from ferlab.config.schema import Config
from ferlab.errors import ConfigError


def check(raw: Mapping[str, Any], problems: Sequence[Problem] = ()) -> Config:
    """Type and check a composed config.

    Args:
        raw: nested plain containers, interpolations resolved.
        problems: problems found before, to be reported together with the rest.

    Raises:
        ConfigError: one message that lists every problem.
    """
    rest = copy.deepcopy(dict(raw))
    told = {problem.path for problem in problems}
    found = [*problems, *(p for p in take_missing(rest) if p.path not in told)]
    config = None
    try:
        config = Config.model_validate(rest)
    except ValidationError as error:
        seen = {problem.path for problem in found}
        mistakes = list(explain(error, Config, rest))
        found += [
            Problem(dotted(path), text) for path, text in mistakes if dotted(path) not in seen
        ]
        for path, _ in mistakes:
            _remove(rest, path)
    for rule in RULES:
        try:
            found.extend(rule(rest))
        except KeyError:
            continue  # what the rule looks at is missing or was reported above
    if config is None or found:
        raise ConfigError(report(found))
    count = config.data.count_classes(rest["data"])
    if config.model.classes == "auto" and count is not None:
        return config.with_classes(count)
    return config


_HOW_TO_GET_DATA = (
    "download the Kaggle data set msambare/fer2013 (archive.zip) or the challenge's fer2013.csv, "
    "then say data.path=/where/it/is"
)


def take_missing(raw: dict[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Remove each value that the user must give and has not, and yield its problem."""
    for key, value in list(raw.items()):
        here = (*path, key)
        if isinstance(value, dict):
            yield from take_missing(value, here)
        elif value == "???":
            del raw[key]
            is_fer2013 = here == ("data", "path") and raw.get("name") == "fer2013"
            hint = f": {_HOW_TO_GET_DATA}" if is_fer2013 else ""
            yield Problem(dotted(here), f"is required{hint}")


def _remove(raw: dict[str, Any], path: Path) -> None:
    """Remove a value that was reported, so that the rules do not fail on it.

    A list with a wrong element is removed whole: a rule could not tell what is missing.
    """
    while path and isinstance(path[-1], int):
        path = path[:-1]
    place: Any = raw
    for part in path[:-1]:
        place = place.get(part) if isinstance(place, dict) else _element(place, part)
    if isinstance(place, dict) and path:
        place.pop(path[-1], None)


def _element(place: Any, part: str | int) -> Any:
    return place[part] if isinstance(place, list) and isinstance(part, int) else None
