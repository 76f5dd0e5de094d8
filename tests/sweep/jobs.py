"""What workers do in tests of processes. Every worker imports this, so it imports little."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def patient(job: Any) -> None:
    """Say that it is there; an interruption ends it."""
    Path(str(job.folder), f"started-{os.getpid()}").touch()
    time.sleep(600)


def obedient(job: Any) -> None:
    """As `patient`, and tell of the interruption."""
    try:
        patient(job)
    except KeyboardInterrupt:
        Path(str(job.folder), f"interrupted-{os.getpid()}").touch()
        raise


def stubborn(job: Any) -> None:
    """As `obedient`, but take for ever to end."""
    try:
        obedient(job)
    except KeyboardInterrupt:
        time.sleep(600)


def broken(job: Any) -> None:
    del job
    raise ZeroDivisionError("the first line\nand more")


def dying(job: Any) -> None:
    """As a worker for which there is not enough memory, but for the second time."""
    me = Path(str(job.folder), f"started-{os.getpid()}")
    me.touch()
    if len(list(me.parent.glob("started-*"))) <= int(job.deaths):
        os.kill(os.getpid(), signal.SIGKILL)


def devices(job: Any) -> None:
    """Tell which GPUs it was given."""
    Path(str(job.folder), f"sees-{os.environ.get('CUDA_VISIBLE_DEVICES', 'all')}").touch()


def away(job: Any) -> None:
    """Give up what it has waited for."""
    from ferlab.errors import Outage

    del job
    raise Outage("waited 10 minutes, and still the store is away")
