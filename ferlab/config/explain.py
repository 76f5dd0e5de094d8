"""Pydantic's errors as messages of one line, each of which says what would be right."""

import difflib
import reprlib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ferlab.config.fields import Section, Variants
from ferlab.config.overrides.slips import right_name, right_space
from ferlab.config.problems import Path, did_you_mean, dotted, flatten

_OF_ONE = ("float_type", "int_type", "bool_type", "literal_error")
"""What is wrong with a text where one number or word should be."""

_shorten = reprlib.Repr()
_shorten.maxstring = _shorten.maxother = 80


def explain(error: ValidationError, schema: type[Section], raw: Any) -> Iterator[tuple[Path, str]]:
    """Yield the path of each mistake, and the message on it.

    Args:
        error: the error that ``schema`` raised on ``raw``.
        schema: schema of the whole.
        raw: nested plain containers.
    """
    for detail in error.errors(include_url=False):
        path: Path = detail["loc"]
        value, kind, context = detail["input"], detail["type"], detail.get("ctx", {})
        if kind == "extra_forbidden":
            text = f"unknown key; {_meant(path, _keys(schema, raw, path[:-1]), raw)}"
        elif kind == "missing":
            text = "is required"
        elif kind == "refused":
            text = detail["msg"]
        elif kind == "literal_error":
            options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            text = f"cannot be {_format(value)}; {did_you_mean(str(value), options)}"
        elif kind == "string_type" and isinstance(value, int | float):
            text = (
                f"should be a text, not {value}; in quotes it is one: '{dotted(path)}=\"{value}\"'"
            )
        elif kind in ("model_type", "dict_type"):
            text = f"should be a group of keys, not {_format(value)}"
        else:
            text = f"{detail['msg'].removeprefix('Input ')}, not {_format(value)}"
        if isinstance(value, str) and len(parts := value.split()) > 1 and kind in _OF_ONE:
            text += f"; several values have commas between them: {','.join(parts)}"
        if right := right_space(value):
            text += f"; a sweep over it is {right}"
        yield path, text


def _meant(path: Path, keys: set[str], raw: Any) -> str:
    """A hint at the key that was meant: here, or elsewhere in the config."""
    word, here = str(path[-1]), dotted(path)
    if len(path) > 1 and difflib.get_close_matches(word, keys, n=1):  # it is in its section
        return did_you_mean(word, keys)
    if (name := right_name(word)) not in (None, here):
        return f"did you mean '{name}'?"
    parts = [key.split(".") for key in flatten(raw)]
    found = dict.fromkeys(".".join(p[: p.index(word) + 1]) for p in parts if word in p[1:])
    elsewhere = [repr(key) for key in found if key != here]
    if elsewhere and not difflib.get_close_matches(word, keys, n=1):
        return f"did you mean {' or '.join(elsewhere[:3])}?"
    return did_you_mean(word, keys)


def _format(value: Any) -> str:
    return _shorten.repr(value)


def _keys(schema: type[BaseModel], raw: Any, path: Path) -> set[str]:
    """The keys that the schema knows at a path."""
    for part in path:
        raw = raw[part]
        if isinstance(part, str):
            schema = _schema(schema, part, raw)
    return {field.alias or name for name, field in schema.model_fields.items()}


def _schema(schema: type[BaseModel], name: str, value: Any) -> Any:
    """Schema of the value of a field, or of each element of its list."""
    field = schema.model_fields[name]
    for mark in field.metadata:
        if isinstance(mark, Variants):
            return mark.schema(value)
    annotation = field.annotation
    return next((one for one in get_args(annotation) if _is_section(one)), annotation)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
