"""A space in the syntax of Hydra's sweeps, as it is typed or stands in an experiment."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    RangeSweep,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ferlab.config.overrides.grammar import as_choice, read_override
from ferlab.config.problems import Problem, flatten, report
from ferlab.errors import ConfigError
from ferlab.study.params import Value, format_override
from ferlab.sweep.search.pins import Pinned
from ferlab.sweep.search.space import Parameter, Space, stored


def parse(
    params: Mapping[str, Any], when: Mapping[str, Mapping[str, Any]], swept: Sequence[str] = ()
) -> tuple[Space, list[str]]:
    """The space, and the shared overrides; see `read`."""
    pinned, shared = read(params, when, swept)
    return pinned.space, shared


def read(
    params: Mapping[str, Any], when: Mapping[str, Mapping[str, Any]], swept: Sequence[str] = ()
) -> tuple[Pinned, list[str]]:
    """Read a sweep's parameters.

    Args:
        params: key to ``choice(...)``, ``range(...)``, ``interval(...)``, possibly within
            ``tag(log|int, ...)``; as in Hydra, but not in hydra-optuna-sweeper, a range leaves its
            end out. A plain value is an override that all trials share.
        when: key to the keys and values under which alone it is drawn.
        swept: the same as overrides of the command line, ``key=1,2,3`` or ``key=1``; they go
            before ``params``.

    Returns:
        The parameters, with the values that all trials share, and the shared overrides.

    Raises:
        ConfigError: one message that lists every problem.
    """
    texts = {key: [_override(key, value)] for key, value in params.items()}
    for text in swept:
        texts.setdefault(text.partition("=")[0].lstrip("+"), []).append(text)
    declared: dict[str, Parameter] = {}
    found: dict[str, Parameter] = {}
    pins: dict[str, Value] = {}
    shared: list[str] = []
    problems: list[Problem] = []
    for key, versions in texts.items():
        try:
            overrides = [read_override(text) for text in versions]
            conditions = {
                other: tuple(stored(v) for v in (values if isinstance(values, list) else [values]))
                for other, values in when.get(key, {}).items()
            }
            for override in overrides:
                if override.is_sweep_override():
                    found[key] = Parameter(key, _distribution(override), conditions)
                    declared.setdefault(key, found[key])
            if not overrides[-1].is_sweep_override():
                shared.append(str(overrides[-1].input_line))
                pins |= _leaves(key, overrides[-1])
        except ValueError as error:
            problems.append(Problem(key, str(error)))
    problems += _condition_problems(when, declared, pins)
    if problems:
        raise ConfigError(
            report(Problem(f"hydra.sweeper.params.{key}", text) for key, text in problems)
        )
    swept_again = {text.partition("=")[0].lstrip("+") for text in swept} & found.keys()
    swept_again -= {text.partition("=")[0].lstrip("+") for text in shared}
    pins = {key: value for key, value in pins.items() if key not in swept_again}
    return Pinned(Space(tuple(found.values())), pins), shared


def _condition_problems(
    when: Mapping[str, Mapping[str, Any]],
    declared: Mapping[str, Parameter],
    pins: Mapping[str, Value],
) -> Iterator[Problem]:
    order = list(declared)
    for key in when:
        if key not in declared:
            if key not in pins:
                yield Problem(key, "has a condition in hydra.sweeper.when but is not swept")
            continue
        for other, values in declared[key].when.items():
            if other in pins:
                continue
            if other not in order[: order.index(key)]:
                yield Problem(key, f"depends on {other}, which must be swept and stand above it")
                continue
            options = declared[other].values()
            for value in values:
                if options is not None and value not in options:
                    yield Problem(key, f"depends on {other} being {value}, which it never is")


def _leaves(key: str, override: Override) -> dict[str, Value]:
    """The values that a plain override sets, by their keys."""
    value = override.value()
    leaves = flatten(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return {leaf: stored(value) for leaf, value in leaves.items()}


def _distribution(override: Override) -> BaseDistribution:
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        return CategoricalDistribution([stored(value) for value in sweep.list])
    if isinstance(sweep, RangeSweep):
        return _steps(sweep)
    if isinstance(sweep, IntervalSweep) and sweep.start is not None and sweep.end is not None:
        low, high, log = sweep.start, sweep.end, "log" in sweep.tags
        if "int" in sweep.tags or (isinstance(low, int) and isinstance(high, int)):
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(low, high, log=log)
    raise ValueError("cannot be swept; take choice(...), range(...) or interval(...)")


def _steps(sweep: RangeSweep) -> BaseDistribution:
    """The steps of a range, which leaves its end out, as Hydra's grammar has it."""
    start, stop, step = sweep.start or 0, sweep.stop or 0, sweep.step
    count = math.ceil((stop - start) / step - 1e-9)  # 0.4 is no step of range(0.1, 0.4, 0.1)
    if count < 1:
        raise ValueError("has no values: a range begins with its start, and leaves its end out")
    low, high = sorted((start, start + (count - 1) * step))
    if all(isinstance(value, int) for value in (start, stop, step)):
        return IntDistribution(int(low), int(high), step=abs(int(step)))
    low, high = (float(f"{value:.12g}") for value in (low, high))
    return FloatDistribution(low, high, step=abs(float(step)))


def _override(key: str, value: Any) -> str:
    if isinstance(value, list):  # a YAML list of choices
        return f"{key}={','.join(as_choice(format_override(stored(v))) for v in value)}"
    return f"{key}={format_override(stored(value))}"
