"""Every point that a sweep may train, checked before anything is created."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ferlab.config import Config
from ferlab.config.compose import compose, compose_plain, finish
from ferlab.config.overrides.grammar import read_override
from ferlab.config.overrides.project import is_group, start_hydra
from ferlab.config.problems import Problem, lines_of, report_lines
from ferlab.errors import ConfigError
from ferlab.study.params import Params, Value, format_override, identity, overrides
from ferlab.sweep.search.space import Parameter, Space, stored

_MOST = 2_000
"""Points up to which each is checked; of larger spaces, and endless ones, each single value is."""

_TOLD = 10
"""Problems that are told."""


def check_points(
    space: Space, configs: "PointConfigs", enqueued: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Check the config of every point, or of every value that a parameter may have.

    Args:
        space: the points.
        configs: of the points.
        enqueued: values of points to be trained first.

    Raises:
        ConfigError: one message that lists the problems, each with the first point that has it.
    """
    first = [{key: stored(value) for key, value in values.items()} for values in enqueued]
    points = [*map(space.first, first), *_points(space)]
    found: dict[str, list[Params]] = {}
    for params in points:
        try:
            configs(params)
        except ConfigError as error:
            for line in lines_of(str(error)):
                found.setdefault(line, []).append(params)
    if not found:
        return
    lines = [
        line if len(bad) == len(points) else f"{line} (with {' '.join(overrides(bad[0]))})"
        for line, bad in found.items()
    ]
    more = [f"and {len(lines) - _TOLD} more"] if len(lines) > _TOLD else []
    raise ConfigError(report_lines([*lines[:_TOLD], *more]))


def _points(space: Space) -> list[Params]:
    if space.is_finite:
        points = list(itertools.islice(space.all_params(), _MOST + 1))
        if len(points) <= _MOST:
            return points
    return list(_single_values(space))


def _single_values(space: Space) -> Iterator[Params]:
    """For each value of each parameter, a point that has it; of numbers without end, the ends."""
    params = {param.key: param for param in space.parameters}

    def given(param: Parameter) -> Params:
        """What must be so for the parameter to be drawn."""
        needed: Params = {}
        for key, values in param.when.items():
            needed |= {**given(params[key]), key: values[0]}
        return needed

    for param in space.parameters:
        for value in param.values() or param.ends():
            yield space.first({**given(param), param.key: value})


class PointConfigs:
    """Checks the configs of points; what chooses a file, or a ``_target_``, is composed once.

    Args:
        shared: overrides that all points have in common.
    """

    def __init__(self, shared: Sequence[str]) -> None:
        self._shared = shared
        self._is_group = is_group(start_hydra())
        self._composed: dict[str, tuple[dict[str, Any], list[Problem]]] = {}
        self._read: dict[tuple[str, str], Any] = {}

    def __call__(self, params: Params, beside: Sequence[Problem] = ()) -> Config:
        """The config of a point; see `ferlab.config.compose.compose`."""
        choices = {key: value for key, value in params.items() if self._chooses(key, value)}
        known = identity(choices)
        if known not in self._composed:
            self._composed[known] = compose_plain([*self._shared, *overrides(choices)])
        plain, problems = copy.deepcopy(self._composed[known])
        for key, value in params.items():
            if key not in choices and not _set(plain, key, self._value(key, value)):
                return compose([*self._shared, *overrides(params)], beside)
        return finish(plain, [*beside, *problems])

    def _chooses(self, key: str, value: Value) -> bool:
        """Whether more may follow from the value than that it stands under its key."""
        is_other = isinstance(value, str) and ("{" in value or "$" in value)
        return key.endswith("_target_") or is_other or self._is_group(key)

    def _value(self, key: str, value: Value) -> Any:
        text = format_override(value)
        if (key, text) not in self._read:
            self._read[key, text] = read_override(f"{key}={text}").value()
        return self._read[key, text]


def _set(plain: Any, key: str, value: Any) -> bool:
    """Set a value under a dotted key; False where there is no place for it."""
    *path, last = key.split(".")
    for part in path:
        plain = _at(plain, part)
    if isinstance(plain, dict):
        plain[last] = value
        return True
    return False


def _at(plain: Any, part: str) -> Any:
    if isinstance(plain, dict):
        return plain.get(part)
    is_index = isinstance(plain, list) and part.isdigit() and int(part) < len(plain)
    return plain[int(part)] if is_index else None
