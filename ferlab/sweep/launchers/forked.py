"""Processes of this machine that start at once: forked from one that has imported all they need."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext

CONTEXT: ForkServerContext | SpawnContext = (
    ForkServerContext() if sys.platform == "linux" else SpawnContext()
)
"""How they start; on macOS what a fork has of its parent's libraries is not safe to use."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_IMPORTED = ["ferlab.sweep.workers.trial", "mlflow.store.tracking.sqlalchemy_store"]
"""Seconds of work, done once for all workers and those that take their places."""


@contextmanager
def starting(changes: dict[str, str]) -> Iterator[dict[str, str]]:
    """Hold signals back here, and in processes that are started meanwhile, until these catch them.

    Args:
        changes: variables of their environment that differ from this process's.

    Yields:
        Their environment, which each of them must `begin_here` with.
    """
    if sys.platform == "linux":
        CONTEXT.set_forkserver_preload(_IMPORTED)
    resource_tracker.ensure_running()  # which, as it starts, lets all signals through again
    held = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    before = dict(os.environ)
    os.environ.update(changes)  # for what libraries look at as they are imported
    try:
        yield dict(os.environ)
    finally:
        for key in changes:
            os.environ.pop(key)
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def begin_here(environment: dict[str, str], end: signal.Signals) -> None:
    """Begin as a process that was started: with its environment, and to end with its parent.

    Args:
        environment: as `starting` yielded it; who was forked has that of the first of them.
        end: what this process is sent when its parent is gone, whatever ended that.
    """
    os.environ.clear()
    os.environ.update(environment)
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  it is for child processes

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), end)

    threading.Thread(target=watch, daemon=True).start()
