"""How a point becomes the config of a run."""

from dataclasses import dataclass
from typing import Protocol

from ferlab.config import Config, compose
from ferlab.sweep.space import Point, overrides


class Recipe(Protocol):
    """Makes configs; it travels to workers, so it must be picklable."""

    def __call__(self, point: Point) -> Config:
        """The config of a point, with its first seed.

        Raises:
            ConfigError: there is none that fits.
        """


@dataclass(frozen=True)
class Composed:
    """Composes each point from ``conf/``.

    Attributes:
        shared: overrides that all points have in common.
    """

    shared: tuple[str, ...]

    def __call__(self, point: Point) -> Config:
        """The config of a point."""
        return compose([*self.shared, *overrides(point)])
