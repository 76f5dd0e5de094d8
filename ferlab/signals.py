"""SIGTERM, as service managers, schedulers and containers send it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminated() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, with `KeyboardInterrupt`."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
