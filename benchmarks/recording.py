"""What MLflow costs a run: time in the tracking store and on artifacts, against training."""

import functools
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import TrialRow, compare, scratch
from ferlab.config.compose import compose
from ferlab.recording.record import record
from ferlab.tracking import store
from ferlab.tracking.run import Run
from ferlab.training import run as training_run
from ferlab.training.run import train

EPOCHS = 5


def rows() -> list[TrialRow]:
    """Seconds of a run on drawn faces, with a store that exists."""
    clock = _Stopwatch()
    for name in ("log_environment", "log_epoch", "logged_epochs", "end"):
        setattr(Run, name, clock.timed(getattr(Run, name)))
    Run.start = clock.timed(Run.start)  # type: ignore[method-assign]
    store.connect = clock.timed(store.connect)
    setattr(training_run, "record", clock.timed(record))  # noqa: B010  as train() sees it

    with scratch():
        store.connect(None)
        train(compose([f"trainer.max_epochs={1}", "data.images=700"]))  # warm
        whole = 0.0

        def logging() -> float:
            nonlocal whole
            clock.seconds = 0.0
            started = time.monotonic()
            train(compose([f"trainer.max_epochs={EPOCHS}"]))
            whole = time.monotonic() - started
            return clock.seconds

        return [
            compare(
                "recording a run in MLflow, artifacts and model included",
                f"the rest of it: {EPOCHS} epochs on 9,000 drawn faces",
                logging,
                lambda: whole - clock.seconds,
                "s",
                "< 0.02",
            )
        ]


class _Stopwatch:
    """Adds up the time in calls, once where they nest."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            started = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.seconds += time.monotonic() - started

        return call
