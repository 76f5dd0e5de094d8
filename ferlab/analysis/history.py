"""The metrics of a run's epochs, and which epoch is its best."""

import math
from typing import NamedTuple

from ferlab.config.study import is_less_better


class History(NamedTuple):
    """The finished epochs of a run.

    Attributes:
        epochs: one mapping of metrics per epoch, from the first.
        seconds: time spent training, in all processes that trained the run.
    """

    epochs: list[dict[str, float]]
    seconds: float

    def best_epoch(self, monitor: str) -> int:
        """The epoch, from 1, that is best by ``monitor``; the earlier one of equals."""
        scores = self._scores(monitor)
        return 1 + scores.index(max(scores))

    def best(self, monitor: str) -> dict[str, float]:
        """The metrics of the best epoch."""
        return self.epochs[self.best_epoch(monitor) - 1]

    def summary(self, monitor: str) -> dict[str, float]:
        """Summary metrics of the run: ``best/NAME`` for each ``val/NAME`` of its best epoch.

        ``best/epoch`` is the number of that epoch.
        """
        scores = {k: v for k, v in self.best(monitor).items() if k.startswith("val/")}
        best = {f"best/{key.removeprefix('val/')}": value for key, value in scores.items()}
        return {**best, "best/epoch": self.best_epoch(monitor)}

    def epochs_without_gain(self, monitor: str, min_delta: float) -> int:
        """Epochs since ``monitor`` last improved by more than ``min_delta``."""
        best, since = -math.inf, 0
        for score in self._scores(monitor):
            best, since = (score, 0) if score > best + min_delta else (best, since + 1)
        return since

    def _scores(self, monitor: str) -> list[float]:
        """The metric by epoch, signed so that more is better; what is not finite is worst."""
        sign = -1 if is_less_better(monitor) else 1
        values = (sign * epoch[monitor] for epoch in self.epochs)
        return [value if math.isfinite(value) else -math.inf for value in values]
