"""A sweep that some keys of which were given one value for all trials."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ferlab.config.problems import Problem, report
from ferlab.errors import ConfigError
from ferlab.study.params import Value, format_override
from ferlab.sweep.search.space import Parameter, Space, stored

_When = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Pinned:
    """What is declared to be swept, and what of it is not.

    Attributes:
        declared: every parameter, each below those that it depends on.
        pins: the value that all trials share, by key; keys that are not declared do no harm.
    """

    declared: Space
    pins: Mapping[str, Value]

    @property
    def space(self) -> Space:
        """What is left to be drawn.

        A condition on a pinned key is met for good, and leaves the conditions of that key itself;
        or it never is, and what depends on it is left out, as it is where a narrower choice than
        the declared one has none of the values.
        """
        left: dict[str, _When | None] = {}
        for param in self.declared.parameters:
            left[param.key] = self._when(param, left)
        return Space(
            tuple(
                replace(param, when=when)
                for param in self.declared.parameters
                if (when := left[param.key]) is not None and param.key not in self.pins
            ),
            self.declared.listed,
        )

    def _when(self, param: Parameter, above: Mapping[str, _When | None]) -> _When | None:
        """The conditions that are left of a parameter's; None if it is never drawn."""
        left: dict[str, tuple[Value, ...]] = {}
        params = {other.key: other for other in self.declared.parameters}
        for key, values in param.when.items():
            inherited = above.get(key, {})
            if inherited is None or (key in self.pins and self.pins[key] not in values):
                return None
            for other, may in (inherited if key in self.pins else {key: values}).items():
                both = tuple(value for value in left.get(other, may) if value in may)
                drawn = params[other].values()
                if not any(drawn is None or value in drawn for value in both):
                    return None
                left[other] = both
        return left

    def baseline(self, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A baseline's values without the pinned ones, which it shares with all trials.

        Raises:
            ConfigError: it has another value of a key that decides what else is drawn, so that
                what would be trained is another baseline.
        """
        if values is None:
            return None
        if self.declared.listed is not None:
            return dict(self.declared.listed[0])
        pinned = {key: stored(value) for key, value in values.items() if key in self.pins}
        problems = [
            Problem(
                f"study.baseline.{key}",
                f"is {format_override(value)}, but {key}={format_override(self.pins[key])} holds "
                "for all trials, so the baseline cannot be trained; leave that out, or say "
                "study.baseline=null",
            )
            for key, value in pinned.items()
            if any(
                (value in param.when[key]) != (self.pins[key] in param.when[key])
                for param in self.declared.parameters
                if key in param.when
            )
        ]
        if problems:
            raise ConfigError(report(problems))
        return {key: value for key, value in values.items() if key not in pinned}
