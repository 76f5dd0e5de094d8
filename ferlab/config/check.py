"""Every problem of a config at once, each in a line that says what would be right."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ferlab.config.problems import Path, Problem, did_you_mean, dotted, report
from ferlab.config.rules import RULES
from ferlab.config.schema import KNOWN, Config
from ferlab.errors import ConfigError


def check(raw: Mapping[str, Any], problems: Sequence[Problem] = ()) -> Config:
    """Type and check a composed config.

    Args:
        raw: nested plain containers, interpolations resolved.
        problems: found before, to be reported together with the rest.

    Raises:
        ConfigError: one message that lists every problem.
    """
    rest = copy.deepcopy(dict(raw))
    found = [*problems, *_take_missing(rest)]
    config = None
    try:
        config = Config.model_validate(rest)
    except ValidationError as error:
        for detail in error.errors():
            path = _path(detail["loc"])
            if detail["type"] == "missing" and any(p.path == dotted(path) for p in found):
                continue
            found.append(Problem(dotted(path), _explain(path, detail)))
            _remove(rest, path)
    for rule in RULES:
        try:
            found.extend(rule(rest))
        except KeyError:
            continue  # what the rule looks at is missing or was reported above
    if config is None or found:
        raise ConfigError(report(found))
    return config


_TAGS = {"plugin"}.union(*KNOWN.values())


def _path(location: Path) -> Path:
    """Pydantic's location without the schema choices that it passes through."""
    return tuple(part for part in location if part not in _TAGS)


def _explain(path: Path, detail: Any) -> str:
    value, kind = detail["input"], detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {did_you_mean(str(path[-1]), _keys_beside(detail['loc']))}"
    if kind == "missing":
        return "is required"
    if kind == "model_type":
        return f"should be a group of keys, not {value!r}"
    context = detail.get("ctx", {})
    if kind == "literal_error":
        options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"cannot be {value!r}; {did_you_mean(str(value), options)}"
    text = detail["msg"].removeprefix("Input ")
    return f"{text}, not {value!r}"


_HOW_TO_GET_DATA = (
    "download the Kaggle data set msambare/fer2013 (archive.zip) or the challenge's fer2013.csv, "
    "then say data.path=/where/it/is"
)


def _take_missing(raw: dict[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Take out the values that the user must give and has not, each with its problem."""
    for key, value in list(raw.items()):
        here = (*path, key)
        if isinstance(value, dict):
            yield from _take_missing(value, here)
        elif value == "???":
            del raw[key]
            hint = f": {_HOW_TO_GET_DATA}" if here == ("data", "path") else ""
            yield Problem(dotted(here), f"is required{hint}")


def _keys_beside(location: Path) -> set[str]:
    """The keys that the schema knows where an unknown one stands."""
    schema: Any = Config
    for part in location[:-1]:
        if part in _TAGS:
            section = str(location[0])
            schema = KNOWN[section].get(str(part), schema)
        elif isinstance(part, str):
            schema = _field_type(schema, part)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return set()
    return {field.alias or name for name, field in schema.model_fields.items()}


def _field_type(schema: Any, name: str) -> Any:
    annotation = schema.model_fields[name].annotation
    return get_args(annotation)[0] if get_origin(annotation) is list else annotation


def _remove(raw: Any, path: Path) -> None:
    """Take a value that was reported out, so that the rules do not trip over it."""
    try:
        for part in path[:-1]:
            raw = raw[part]
        if isinstance(raw, dict):
            raw.pop(path[-1], None)
        else:
            raw.clear()
    except (KeyError, IndexError, TypeError, AttributeError):
        return  # it is gone already, or was never there
