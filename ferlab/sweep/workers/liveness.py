"""Which workers are still there: told by file locks on one machine, by heartbeats elsewhere.

Every worker holds a file lock for its life, which the system frees with the process, so that its
end is known at once on its own machine. Others see its heartbeat in the study: one that has not
changed for as long as `TIMEOUT`, by the watcher's own clock, belongs to a worker that is gone.
"""

import fcntl
import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial

from ferlab import paths
from ferlab.optuna_private import open_trial
from ferlab.recording.leftovers import LeftOver

_log = logging.getLogger("ferlab")

INTERVAL = 15.0
"""Seconds between two heartbeats of a worker."""

TIMEOUT = 120.0
"""Seconds without a heartbeat after which a worker of another machine is gone."""

_MARK = "mark"
"""The file beside the locks that says whose they are."""

_FRESH = 1.0
"""Seconds for which heartbeats that were read are not read again; a look is at all workers."""

_SETTLE = 2.0
"""Seconds within which all who want one abandoned trial have said so; more than a storage takes."""


class Liveness:
    """Watches the workers of one study.

    Args:
        study: whose attributes carry the heartbeats.
        host: this machine's name.
        at_home: whether all of its workers share ferlab's home, as they do where the study lies in
            it. Their locks are then found there, wherever it has been moved; else by their paths.
    """

    def __init__(self, study: optuna.Study, host: str | None = None, at_home: bool = False) -> None:
        self._study = study
        self._at_home = at_home
        self._host = host or socket.gethostname()
        self._seen: dict[str, tuple[object, float]] = {}
        self._deaf = -math.inf  # when the storage was last away: nobody could be heard then
        self._beats: dict[str, Any] = {}
        self._read = -math.inf

    @contextmanager
    def at_work(self) -> Iterator[str]:
        """Be a worker; yields a name by which others can tell whether it is still there."""
        _locks().mkdir(parents=True, exist_ok=True)
        path = _locks() / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        place = path.name if self._at_home else f"{_make_mark(_locks() / _MARK)}:{path}"
        worker = f"{self._host}:{place}"
        ended = threading.Event()
        heartbeat = threading.Thread(
            target=self._send_heartbeats, args=(worker, ended), daemon=True
        )
        with FileLock(path):
            heartbeat.start()
            try:
                yield worker
            finally:
                ended.set()
                heartbeat.join()
                path.unlink()

    @contextmanager
    def dead(self, worker: str) -> Iterator[bool]:
        """Whether a worker is gone; while inside, nobody else on its machine finds it gone."""
        path = self._lock_of(worker)
        if path is None:
            yield self._has_timed_out(worker)
            return
        if _is_held(path):  # as most are; a FileLock takes ten times as long to say so
            yield False
            return
        try:
            with FileLock(path, timeout=0):
                yield True
                path.unlink(missing_ok=True)
        except Timeout:
            yield False

    def is_dead(self, worker: str) -> bool:
        """Whether a worker is gone."""
        with self.dead(worker) as gone:
            return gone

    def still_there(self, workers: Collection[str]) -> str | None:
        """One of these workers that is there; watched for as long as it takes to know.

        Returns:
            None once all are gone.
        """
        first: dict[str, object] = {}
        while left := [worker for worker in workers if not self.is_dead(worker)]:
            is_new = not first
            for worker in left:
                if worker not in self._seen:  # its lock is held
                    return worker
                beat, _ = self._seen[worker]
                if first.setdefault(worker, beat) != beat:
                    return worker
            if is_new:
                _log.info("watches  for %.0f s whether a worker elsewhere is there", TIMEOUT)
            time.sleep(_FRESH)
        return None

    def is_new_owner(self, abandoned: FrozenTrial, worker: str) -> bool:
        """Whether a dead worker's trial is this worker's to go on with.

        On one machine it is. Of several machines, all who want it say so, and wait until every
        one of them must have been heard; it goes to the first by name. Who comes later finds it
        taken.
        """
        before = abandoned.user_attrs["worker"]
        if self._lock_of(before) is not None:
            return True
        claim = f"new owner of {before}: "
        open_trial(self._study, abandoned).set_user_attr(claim + worker, True)
        time.sleep(_SETTLE)
        trials = self._study.get_trials(deepcopy=False)
        now = next(t for t in trials if t.number == abandoned.number)
        claimants = [key.removeprefix(claim) for key in now.user_attrs if key.startswith(claim)]
        if now.state.is_finished() or now.user_attrs["worker"] != before:
            return False
        return worker == min(
            claimant for claimant in claimants if claimant == worker or not self.is_dead(claimant)
        )

    def _lock_of(self, worker: str) -> Path | None:
        """The file whose lock a worker of this machine has; None for one of another machine.

        Two machines may have one hostname, and their homes one path, as those of containers do.
        """
        host, _, place = worker.partition(":")
        if host != self._host:
            return None
        if self._at_home:
            return _locks() / place if _locks().is_dir() else None
        mark, _, path = place.partition(":")
        with suppress(OSError):
            if (Path(path).parent / _MARK).read_text() == mark:
                return Path(path)
        return None

    def _send_heartbeats(self, worker: str, ended: threading.Event) -> None:
        count = 0
        while not ended.wait(INTERVAL):
            count += 1
            began = time.monotonic()
            with suppress(Exception):  # the storage may be out of reach for a while
                self._study.set_user_attr(f"heartbeat of {worker}", count)
                if time.monotonic() - began < TIMEOUT / 2:  # those of others came as well
                    continue
            self._deaf = time.monotonic()

    def _has_timed_out(self, worker: str) -> bool:
        if time.monotonic() - self._read > _FRESH:
            self._beats, self._read = self._study.user_attrs, time.monotonic()
        count = self._beats.get(f"heartbeat of {worker}")
        before, since = self._seen.get(worker, (None, 0.0))
        if worker not in self._seen or count != before:
            self._seen[worker] = (count, time.monotonic())
            return False
        return time.monotonic() - max(since, self._deaf) > TIMEOUT


def left_locks() -> Iterator[LeftOver]:
    """The locks of workers that were killed, in this home."""
    for path in sorted(_locks().glob("*-*")):
        with suppress(Timeout), FileLock(path, timeout=0):
            remove = partial(path.unlink, missing_ok=True)
            yield LeftOver(f"lock {path.name} of a worker that is gone", remove)


def _make_mark(path: Path) -> str:
    """What tells a folder of locks from all others, made by the first who works there."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not (mark := file.read()):
            mark = uuid.uuid4().hex
            file.write(mark)
    return mark


def _is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file."""
    try:
        file = path.open()
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _locks() -> Path:
    """The folder of the locks of those who work in this home."""
    return paths.home() / "studies" / "workers"
