"""The ways in which a run ends before its last epoch."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import torch

from ferlab import outage
from ferlab.errors import FerlabError, TakenOver

HEARD = "stopping after this batch, to go on from there later; once more ends it at once"
"""What is said at once when a signal has come."""


class Interrupted(Exception):
    """A signal asked the run to stop; its name is the message."""


class Pruned(Exception):
    """A sweep ends the run, for the reason in the message."""


class Diverged(Exception):
    """The loss is not finite any more."""


@contextmanager
def on_signals() -> Iterator[Callable[[], None]]:
    """Turn the first Ctrl-C or SIGTERM into `Interrupted`, raised between batches.

    Yields:
        A function to call between batches; it raises once a signal has come. A second signal
        has its usual effect, at once.
    """
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        signal.signal(number, previous[signal.Signals(number)])
        with suppress(RuntimeError, OSError):  # it may have come while something was being written
            sys.stderr.write(f"\n{HEARD}\n")
            sys.stderr.flush()

    def check() -> None:
        if received:
            raise Interrupted(signal.Signals(received[0]).name)

    if threading.current_thread() is not threading.main_thread():
        yield check  # Python delivers signals to the main thread alone
        return
    previous = {n: signal.signal(n, remember) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ended_by(error: BaseException, check: Callable[[], None]) -> BaseException:
    """What ended a run: the signal that had come before an error, or else that error.

    Args:
        error: that was raised.
        check: see `on_signals`.
    """
    try:
        check()
    except Interrupted as asked:
        asked.__cause__ = None  # or it would count as what the error is, such as an outage
        return asked
    return error


def is_end_of_job(error: BaseException) -> bool:
    """Whether the process is a job whose time is over; submitit raises so wherever it is."""
    return type(error).__module__.partition(".")[0] == "submitit"


def reason_of(error: BaseException) -> tuple[str, str]:  # noqa: PLR0911  one per kind of end
    """Classify the error that ended a run, with one line on what to do about it.

    Returns:
        ``interrupted``, ``outage``, ``pruned``, ``diverged``, ``out-of-memory`` or ``error``; and
        the line.
    """
    # Lightning turns a KeyboardInterrupt into a SystemExit, and has one of its own for SIGTERM.
    if isinstance(error, Interrupted | KeyboardInterrupt | SystemExit):
        by = str(error) if isinstance(error, Interrupted) else "a signal"
        return "interrupted", f"stopped by {by}"
    if is_end_of_job(error):
        return "interrupted", "the time of its job is used up"
    if isinstance(error, Pruned):
        return "pruned", str(error)
    if isinstance(error, Diverged):
        return "diverged", f"{error}; a smaller optimizer.lr or trainer.gradient_clip=1 may help"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(
        error
    ):
        return "out-of-memory", "out of memory; a smaller trainer.batch_size may help"
    if outage.is_outage(error):
        return "outage", outage.tell(error)
    if isinstance(error, TakenOver):
        return "interrupted", str(error)
    if isinstance(error, FerlabError):
        return "error", str(error)
    return "error", f"{type(error).__name__}: {error}"
