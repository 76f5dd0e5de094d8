"""How a point becomes the config of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ferlab import instantiate
from ferlab.config import Config, check
from ferlab.config.compose import compose
from ferlab.study.params import Params, identity, overrides


class TrialConfigs(Protocol):
    """Makes configs; it travels to workers, so it must be picklable."""

    def __call__(self, params: Params) -> Config:
        """The config of a point, with its first seed.

        Raises:
            ConfigError: there is none that fits.
        """


@dataclass(frozen=True)
class ComposedConfigs:
    """Composes each point from ``conf/``.

    Attributes:
        shared: overrides that all points have in common.
    """

    shared: tuple[str, ...]
    _last: dict[str, Config] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, params: Params) -> Config:
        """The config of a point, kept until another is asked for: a trial's is wanted twice."""
        key = identity(params)
        if key not in self._last:
            config = compose([*self.shared, *overrides(params)])
            self._last.clear()
            self._last[key] = config
        return self._last[key]


@dataclass(frozen=True)
class RecordedConfigs:
    """Takes configs as runs recorded them, so that no later edit of ``conf/`` changes them.

    A point is an ``arm`` and a ``seed``. What these configs may call is ferlab's own, and what is
    allowed by name.

    Attributes:
        arms: the recorded configs, by the arms' names.
    """

    arms: Mapping[str, Mapping[str, Any]]

    def __call__(self, params: Params) -> Config:
        """The config of a point."""
        config = check({**self.arms[str(params["arm"])], "seed": params["seed"]})
        for target in sorted(config.names()):
            instantiate.locate(target)
        return config
