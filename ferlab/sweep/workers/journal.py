"""A study's journal: a kill spoils nothing of it, and Optuna's own tools may write it, too."""

import errno
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from optuna.storages.journal import JournalFileBackend

from ferlab.optuna_private import JournalLock

_GRACE = 30.0
"""Seconds for which somebody else may hold Optuna's lock; after as many Optuna breaks it, too."""

_POLL = 0.001

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system without symbolic links says, on which Optuna's lock cannot be had."""


class Journal(JournalFileBackend):
    """A journal whose lock is freed when its holder dies, and whose torn last line is dropped."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), lock_obj=_Lock(path))


class _Lock(JournalLock):
    """The lock that Optuna takes, ``STUDY.log.lock``, behind one of ferlab's own.

    Optuna's is a link that stays when its holder is killed, and that others then wait for. Behind
    the system's lock on a file, which ends with its holder, whoever of ferlab comes next knows that
    a link to this file was left by one who was killed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        held = path.with_name(f".{path.name}.held")
        self._held = FileLock(held)
        self._target = held.name  # relative, so that it leads there after a move
        self._link = path.with_name(f"{path.name}.lock")

    def acquire(self) -> bool:
        """Wait for the lock; then cut off what a killed writer left of its last line."""
        self._held.acquire()
        try:
            self._take_link()
            self._mend()
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Let the next one write."""
        if self._is_ours():
            self._link.unlink(missing_ok=True)
        self._held.release()

    def _take_link(self) -> None:
        since, seen = time.monotonic(), None
        while True:
            try:
                self._link.symlink_to(self._target)
            except FileExistsError:
                now = self._stamp()
                if now != seen:
                    since, seen = time.monotonic(), now
                if self._is_ours() or time.monotonic() - since > _GRACE:
                    self._link.unlink(missing_ok=True)
                else:
                    time.sleep(_POLL)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return
            else:
                return

    def _is_ours(self) -> bool:
        with suppress(OSError):  # none is there, or it is no link
            return str(self._link.readlink()) == self._target
        return False

    def _stamp(self) -> tuple[int, int] | None:
        """By which one holder's link is told from the next one's."""
        with suppress(FileNotFoundError):
            found = self._link.lstat()
            return found.st_ino, found.st_mtime_ns
        return None

    def _mend(self) -> None:
        with self._path.open("rb+") as file:
            end = file.seek(0, 2)
            if end == 0:
                return
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
