"""What is swept: parameters in the syntax of Hydra's sweeps, some drawn only where others allow."""

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ferlab.config.check import Problem, report
from ferlab.errors import ConfigError

Value = None | bool | int | float | str
"""What Optuna stores of a parameter; a list or a mapping is stored as the text of its override."""

Point = dict[str, Value]
"""One value per parameter that is drawn."""


@dataclass(frozen=True)
class Param:
    """One swept key.

    Attributes:
        key: as in an override, ``optimizer.lr`` or ``scheduler``.
        distribution: the values it may take, in Optuna's terms.
        when: it is drawn only where each of these keys has one of these values.
    """

    key: str
    distribution: BaseDistribution
    when: Mapping[str, tuple[Value, ...]]

    def is_drawn(self, point: Point) -> bool:
        """Whether it has a value, given those of the parameters above it."""
        return all(key in point and point[key] in values for key, values in self.when.items())

    def takes(self, value: Value) -> bool:
        """Whether it may have this value."""
        try:
            return self.distribution._contains(self.distribution.to_internal_repr(value))
        except ValueError:
            return False

    def nearest(self, value: Value) -> Value:
        """A value it takes, where it has steps exactly as `values` has it."""
        match self.distribution:
            case FloatDistribution(low=low, step=float(step)) if isinstance(value, int | float):
                return (self.values() or [value])[round((value - low) / step)]
        return value

    def told(self) -> str:
        """Its values, for a person to read."""
        values = self.values()
        return repr(self.distribution) if values is None else ", ".join(map(_text, values))

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
    """All parameters, each below those that it depends on."""

    params: tuple[Param, ...]

    @property
    def is_finite(self) -> bool:
        """Whether all points can be counted."""
        return all(param.values() is not None for param in self.params)

    def points(self) -> Iterator[Point]:
        """Every point of a finite space, in the order of the parameters, the last one fastest."""
        return self._below({}, self.params)

    def _below(self, point: Point, params: Sequence[Param]) -> Iterator[Point]:
        if not params:
            yield point
            return
        param, rest = params[0], params[1:]
        if not param.is_drawn(point):
            yield from self._below(point, rest)
            return
        for value in param.values() or ():
            yield from self._below({**point, param.key: value}, rest)

    def first(self) -> Point:
        """Some point, the same at every call."""
        return self.draw(lambda param: (param.values() or [_low(param)])[0])

    def draw(self, choose: Callable[[Param], Value]) -> Point:
        """One point, from a function that chooses a value for each parameter that is drawn."""
        point: Point = {}
        for param in self.params:
            if param.is_drawn(point):
                point[param.key] = choose(param)
        return point

    def point(self, values: Mapping[str, Any]) -> Point:
        """The point that has these values.

        Raises:
            ConfigError: a value is missing, is none that its parameter takes, or belongs to none.
        """
        given = {key: _stored(value) for key, value in values.items()}
        point: Point = {}
        problems: list[Problem] = []
        for param in self.params:
            if not param.is_drawn(point):
                continue
            if param.key not in given:
                problems.append(Problem(param.key, "is missing"))
            elif param.takes(given[param.key]):
                point[param.key] = param.nearest(given[param.key])
            else:
                point[param.key] = given[param.key]
                problems.append(
                    Problem(param.key, f"is never {given[param.key]}, but one of {param.told()}")
                )
        problems += [Problem(key, "is not drawn there") for key in given if key not in point]
        if problems:
            raise ConfigError(
                report(Problem(f"study.baseline.{key}", text) for key, text in problems)
            )
        return point

    def describe(self) -> dict[str, str]:
        """Key to distribution, as text, to be recorded and compared."""
        return {
            param.key: repr(param.distribution)
            + "".join(f" when {key} in {list(values)}" for key, values in param.when.items())
            for param in self.params
        }


def grid(values: Mapping[str, Sequence[Value]]) -> Space:
    """The space of plain choices, in which the last key changes fastest."""
    return Space(
        tuple(Param(key, CategoricalDistribution(list(vs)), {}) for key, vs in values.items())
    )


def is_at(point: Point, values: Mapping[str, Any]) -> bool:
    """Whether a point has these values and no others; they are as in a config."""
    return point == {key: _stored(value) for key, value in values.items()}


def identity(point: Point) -> str:
    """A text that is the same for the same point."""
    return json.dumps(point, sort_keys=True)


def overrides(point: Point) -> list[str]:
    """The point in Hydra's grammar."""
    return [f"{key}={_text(value)}" for key, value in point.items()]


def parse(
    params: Mapping[str, Any], when: Mapping[str, Mapping[str, Any]], swept: Sequence[str] = ()
) -> tuple[Space, list[str]]:
    """Read a sweep's parameters.

    Args:
        params: key to ``choice(...)``, ``range(...)``, ``interval(...)``, possibly within
            ``tag(log|int, ...)``; as in Optuna, and in hydra-optuna-sweeper, a range includes its
            end. A plain value is an override that all trials share.
        when: key to the keys and values under which alone it is drawn.
        swept: the same as overrides of the command line, ``key=1,2,3``; they go before ``params``.

    Returns:
        The space, and the shared overrides.

    Raises:
        ConfigError: one message that lists every problem.
    """
    parser = OverridesParser.create()
    texts = {key: _override(key, value) for key, value in params.items()}
    texts |= {text.partition("=")[0].lstrip("+"): text for text in swept}
    found: dict[str, Param] = {}
    shared: list[str] = []
    problems: list[Problem] = []
    for key, text in texts.items():
        try:
            override = parser.parse_override(text)
            if not override.is_sweep_override():
                shared.append(text)
                continue
            conditions = {
                other: tuple(_stored(v) for v in (values if isinstance(values, list) else [values]))
                for other, values in when.get(key, {}).items()
            }
            found[key] = Param(key, _distribution(override), conditions)
        except HydraException as error:
            problems.append(Problem(key, f"cannot be read: {str(error).splitlines()[0]}"))
        except ValueError as error:
            problems.append(Problem(key, str(error)))
    problems += _condition_problems(when, found)
    if problems:
        raise ConfigError(
            report(Problem(f"hydra.sweeper.params.{key}", text) for key, text in problems)
        )
    return Space(tuple(found.values())), shared


def _condition_problems(
    when: Mapping[str, Mapping[str, Any]], found: Mapping[str, Param]
) -> Iterator[Problem]:
    order = list(found)
    for key in when:
        if key not in found:
            yield Problem(key, "has a condition in hydra.sweeper.when but is not swept")
            continue
        for other, values in found[key].when.items():
            if other not in order[: order.index(key)]:
                yield Problem(key, f"depends on {other}, which must be swept and stand above it")
                continue
            options = found[other].values()
            for value in values:
                if options is not None and value not in options:
                    yield Problem(key, f"depends on {other} being {value}, which it never is")


def _distribution(override: Override) -> BaseDistribution:
    sweep = override._value  # value() would strip the quotes that an override needs
    if isinstance(sweep, ChoiceSweep):
        return CategoricalDistribution([_stored(value) for value in sweep.list])
    if isinstance(sweep, RangeSweep) and sweep.start is not None and sweep.stop is not None:
        if any(isinstance(v, float) for v in (sweep.start, sweep.stop, sweep.step)):
            return FloatDistribution(sweep.start, sweep.stop, step=sweep.step)
        return IntDistribution(int(sweep.start), int(sweep.stop), step=int(sweep.step))
    if isinstance(sweep, IntervalSweep) and sweep.start is not None and sweep.end is not None:
        low, high, log = sweep.start, sweep.end, "log" in sweep.tags
        if "int" in sweep.tags or (isinstance(low, int) and isinstance(high, int)):
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(low, high, log=log)
    raise ValueError("cannot be swept; take choice(...), range(...) or interval(...)")


def _stored(value: Any) -> Value:
    if isinstance(value, QuotedString):
        return value.with_quotes()
    if isinstance(value, list | dict):
        return Override._get_value_element_as_str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{value} cannot be one of its values")


def _text(value: Value) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _override(key: str, value: Any) -> str:
    if isinstance(value, list):  # a YAML list of choices
        return f"{key}={','.join(_text(_stored(v)) for v in value)}"
    return f"{key}={_text(_stored(value))}"


def _low(param: Param) -> Value:
    low: float = param.distribution.low  # type: ignore[attr-defined]
    return low


def size(space: Space, limit: int, is_free: Callable[[Point], bool]) -> int | None:
    """How many free points a finite space has; None where there are more than ``limit`` in all."""
    if not space.is_finite:
        return None
    points = list(itertools.islice(space.points(), limit + 1))
    return sum(map(is_free, points)) if len(points) <= limit else None
