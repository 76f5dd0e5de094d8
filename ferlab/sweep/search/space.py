"""What is swept: parameters with their values, some drawn only where others allow."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import QuotedString, Transformer
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ferlab.config.problems import Problem, report
from ferlab.errors import ConfigError
from ferlab.optuna_private import contains
from ferlab.study.params import Choices, Domain, Params, Range, Value, format_override
from ferlab.text import pluralize

_MISSING = "???"
"""A value that is not given; none that a parameter may have."""


@dataclass(frozen=True)
class Parameter:
    """One swept key.

    Attributes:
        key: as in an override, ``optimizer.lr`` or ``scheduler``.
        distribution: the values it may take, in Optuna's terms.
        when: it is drawn only where each of these keys has one of these values.
    """

    key: str
    distribution: BaseDistribution
    when: Mapping[str, tuple[Value, ...]]

    def is_drawn(self, params: Params) -> bool:
        """Whether it has a value, given those of the parameters above it."""
        return all(key in params and params[key] in values for key, values in self.when.items())

    def may_be_drawn(self, params: Params) -> bool:
        """Whether it may have a value, given those of some of the parameters above it."""
        return all(params.get(key, values[0]) in values for key, values in self.when.items())

    def takes(self, value: Value) -> bool:
        """Whether it may have this value."""
        return contains(self.distribution, value)

    def nearest(self, value: Value) -> Value:
        """A value it takes, where it has steps exactly as `values` has it."""
        match self.distribution:
            case FloatDistribution(low=low, step=float(step)) if isinstance(value, int | float):
                return (self.values() or [value])[round((value - low) / step)]
        return value

    def told(self) -> str:
        """Its values, for a person to read."""
        values = self.values()
        return (
            repr(self.distribution) if values is None else ", ".join(map(format_override, values))
        )

    def ends(self) -> tuple[Value, ...]:
        """The lowest and the highest of values without end."""
        match self.distribution:
            case FloatDistribution(low=low, high=high):
                return low, high
        return ()

    def values(self) -> Sequence[Value] | None:
        """All values in order, or None where there is no end to them."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high, step=step):
                return range(low, high + 1, step)
            case FloatDistribution(low=low, high=high, step=float(step)):
                count = math.floor((high - low) / step + 1e-9) + 1
                return [float(f"{low + i * step:.12g}") for i in range(count)]  # 0.3, as typed
            case FloatDistribution(low=low, high=high) if low == high:
                return [low]
        return None


@dataclass(frozen=True)
class Space:
    """All parameters, each below those that it depends on.

    Attributes:
        parameters: of every point.
        listed: the only points to be trained, in order; None for all.
    """

    parameters: tuple[Parameter, ...]
    listed: tuple[Params, ...] | None = None

    @property
    def is_finite(self) -> bool:
        """Whether all points can be counted."""
        return all(param.values() is not None for param in self.parameters)

    def told(self, limit: int) -> str:
        """How many points it has, for a person to read; beyond the limit nobody counts."""
        if not self.is_finite:
            return "endless"
        count = sum(1 for _ in itertools.islice(self.all_params(), limit + 1))
        return f"more than {limit:,} points" if count > limit else pluralize(count, "point")

    def all_params(self) -> Iterator[Params]:
        """Every point of a finite space, in the order of the parameters, the last one fastest."""
        return self._below({}, self.parameters) if self.listed is None else iter(self.listed)

    def _below(self, params: Params, parameters: Sequence[Parameter]) -> Iterator[Params]:
        if not parameters:
            yield params
            return
        param, rest = parameters[0], parameters[1:]
        if not param.is_drawn(params):
            yield from self._below(params, rest)
            return
        for value in param.values() or ():
            yield from self._below({**params, param.key: value}, rest)

    def first(self, given: Mapping[str, Value] = {}) -> Params:
        """Some point, the same at every call, with these values where they are drawn."""
        return self.draw(lambda p: given.get(p.key, (p.values() or p.ends())[0]))

    def draw(self, choose: Callable[[Parameter], Value]) -> Params:
        """One point, from a function that chooses a value for each parameter that is drawn."""
        params: Params = {}
        for param in self.parameters:
            if param.is_drawn(params):
                params[param.key] = choose(param)
        return params

    def params_of(self, values: Mapping[str, Any], where: str = "study.baseline") -> Params:
        """The point that has these values.

        Args:
            values: by key.
            where: they stand, ``study.baseline``.

        Raises:
            ConfigError: a value is missing, is none that its parameter takes, or belongs to none.
        """
        if problems := self.problems(values):
            raise ConfigError(report(Problem(f"{where}.{key}", text) for key, text in problems))
        return {p.key: p.nearest(stored(values[p.key])) for p in self.parameters if p.key in values}

    def problems(self, values: Mapping[str, Any], some: bool = False) -> list[Problem]:
        """What keeps values from being those of a point; or, of ``some``, from being among them."""
        given = {key: stored(value) for key, value in values.items()}
        known = {param.key: param for param in self.parameters}
        drawn = self.draw(lambda param: given.get(param.key, _MISSING))
        found = [Problem(key, "is not swept") for key in given if key not in known]
        for key, param in known.items():
            if key not in given:
                if key in drawn and not some:
                    found.append(Problem(key, "is missing"))
            elif not param.takes(given[key]):
                found.append(Problem(key, f"is never {given[key]}, but one of {param.told()}"))
            elif key not in drawn and not (some and param.may_be_drawn(given)):
                found.append(Problem(key, "is not drawn there"))
        return found

    def describe(self) -> dict[str, str]:
        """Key to distribution, as text, to be recorded and compared."""
        return {
            param.key: repr(param.distribution)
            + "".join(f" when {key} in {list(values)}" for key, values in param.when.items())
            for param in self.parameters
        }


def grid_space(values: Mapping[str, Sequence[Value]]) -> Space:
    """The space of plain choices, in which the last key changes fastest."""
    return Space(
        tuple(Parameter(key, CategoricalDistribution(list(vs)), {}) for key, vs in values.items())
    )


def stored(value: Any) -> Value:
    """A value of a config as Optuna stores it."""
    if isinstance(value, QuotedString):
        return value.with_quotes()
    if isinstance(value, list | dict):
        return Transformer.str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{value} cannot be one of its values")


def size(space: Space, limit: int, is_free: Callable[[Params], bool]) -> int | None:
    """How many free points a finite space has; None where there are more than ``limit`` in all."""
    if not space.is_finite:
        return None
    all_params = list(itertools.islice(space.all_params(), limit + 1))
    return sum(map(is_free, all_params)) if len(all_params) <= limit else None


def domain_of(distribution: BaseDistribution) -> Domain:
    """The values of one of Optuna's distributions."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return Choices(choices)
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return Range(low, high, log, continuous=step is None)
        case IntDistribution(low=low, high=high, log=log):
            return Range(low, high, log, continuous=False)
    raise TypeError(f"{distribution} is none of Optuna's distributions")
