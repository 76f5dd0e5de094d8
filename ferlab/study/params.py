"""The parameters of one trial, as Optuna stores them and as Hydra's overrides have them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

Value = None | bool | int | float | str
"""A parameter's value in Optuna's storage; a list or a mapping is the text of its override."""

Params = dict[str, Value]
"""The parameters drawn for one trial: the value of each, by its key."""


@dataclass(frozen=True)
class Choices:
    """The values of a parameter that is one of several, in the order of the space."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """The values of a parameter that is a number.

    Attributes:
        low: smallest value.
        high: largest value.
        log: whether it is drawn on a logarithmic scale.
        continuous: whether every number between is one of its values.
    """

    low: float
    high: float
    log: bool
    continuous: bool


Domain = Choices | Range
"""The values that a swept parameter may take."""


def identity(params: Params) -> str:
    """A text that is the same for the same parameters."""
    return json.dumps(params, sort_keys=True)


def overrides(params: Mapping[str, Value]) -> list[str]:
    """The parameters as overrides in Hydra's grammar."""
    return [f"{key}={format_override(value)}" for key, value in params.items()]


def format_override(value: Value) -> str:
    """A stored value in Hydra's grammar."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
