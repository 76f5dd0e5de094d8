"""Which workers are still there: told by file locks on one machine, by heartbeats elsewhere.

Every worker holds a file lock for its life, which the system frees with the process, so that its
end is known at once on its own machine. Others see its heart beat in the study: one that has not
changed for as long as `SILENCE`, by the watcher's own clock, belongs to a worker that is gone.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial

from ferlab import paths

BEAT = 15.0
"""Seconds between two beats of a worker's heart."""

SILENCE = 120.0
"""Seconds without a beat after which a worker of another machine is gone."""

_SETTLE = 2.0
"""Seconds within which all who want one orphan have said so; more than a storage takes."""


class Liveness:
    """Watches the workers of one study.

    Args:
        study: whose attributes carry the heartbeats.
        host: this machine's name.
    """

    def __init__(self, study: optuna.Study, host: str | None = None) -> None:
        self._study = study
        self._host = host or socket.gethostname()
        self._seen: dict[str, tuple[object, float]] = {}

    @contextmanager
    def at_work(self) -> Iterator[str]:
        """Be a worker; yields a name by which others can tell whether it is still there."""
        folder = paths.home() / "studies" / "workers"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        worker = f"{self._host}:{path}"
        ended = threading.Event()
        heart = threading.Thread(target=self._beat, args=(worker, ended), daemon=True)
        with FileLock(path):
            heart.start()
            try:
                yield worker
            finally:
                ended.set()
                heart.join()
                path.unlink()

    @contextmanager
    def dead(self, worker: str) -> Iterator[bool]:
        """Whether a worker is gone; while inside, nobody else on its machine finds it gone."""
        host, _, path = worker.partition(":")
        if host != self._host or not Path(path).parent.is_dir():
            yield self._is_silent(worker)
            return
        try:
            with FileLock(path, timeout=0):
                yield True
                Path(path).unlink(missing_ok=True)
        except Timeout:
            yield False

    def is_dead(self, worker: str) -> bool:
        """Whether a worker is gone."""
        with self.dead(worker) as gone:
            return gone

    def is_heir(self, orphan: FrozenTrial, worker: str) -> bool:
        """Whether a dead worker's trial is this worker's to go on with.

        On one machine it is. Of several machines, all who want it say so, and wait until every
        one of them must have been heard; it goes to the first by name. Who comes later finds it
        taken.
        """
        before = orphan.user_attrs["worker"]
        if before.partition(":")[0] == self._host:
            return True
        claim = f"heir of {before}: "
        Trial(self._study, orphan._trial_id).set_user_attr(claim + worker, True)
        time.sleep(_SETTLE)
        trials = self._study.get_trials(deepcopy=False)
        now = next(t for t in trials if t.number == orphan.number)
        heirs = [key.removeprefix(claim) for key in now.user_attrs if key.startswith(claim)]
        if now.state.is_finished() or now.user_attrs["worker"] != before:
            return False
        return worker == min(heir for heir in heirs if heir == worker or not self.is_dead(heir))

    def _beat(self, worker: str, ended: threading.Event) -> None:
        count = 0
        while not ended.wait(BEAT):
            count += 1
            with suppress(Exception):  # the storage may be out of reach for a while
                self._study.set_user_attr(f"heart of {worker}", count)

    def _is_silent(self, worker: str) -> bool:
        beat = self._study.user_attrs.get(f"heart of {worker}")
        before, since = self._seen.get(worker, (None, 0.0))
        if worker not in self._seen or beat != before:
            self._seen[worker] = (beat, time.monotonic())
            return False
        return time.monotonic() - since > SILENCE
