"""Where a study is kept: a journal that a crash cannot spoil, or any database Optuna knows."""

from pathlib import Path

from filelock import FileLock
from optuna import get_all_study_names
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ferlab import paths
from ferlab.errors import TrackingError


def open_storage(url: str | None, study: str) -> BaseStorage:
    """The storage at ``url``; None for a journal of this study's own in ferlab's home.

    Raises:
        TrackingError: it cannot be opened or made.
    """
    try:
        if url is not None:
            return RDBStorage(url)
        folder = paths.home() / "studies"
        folder.mkdir(parents=True, exist_ok=True)
        return JournalStorage(_Journal(folder / f"{study}.log"))
    except (ArgumentError, SQLAlchemyError, ImportError, OSError) as error:
        cause = str(error).splitlines()[0]
        raise TrackingError(f"study.storage cannot be opened: {cause}") from error


def exists(url: str | None, study: str) -> bool:
    """Whether there is a study of this name.

    Raises:
        TrackingError: the storage cannot be opened.
    """
    if url is None:
        return (paths.home() / "studies" / f"{study}.log").exists()
    return study in get_all_study_names(open_storage(url, study))


class _Journal(JournalFileBackend):
    """A journal whose lock is freed when its holder dies, and whose torn last line is dropped."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), lock_obj=_Lock(path))


class _Lock(BaseJournalFileLock):
    """The system's own lock on a file; Optuna's would stay for 30 s after a SIGKILL."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))

    def acquire(self) -> bool:
        """Wait for the lock; then cut off what a killed writer left of its last line."""
        self._lock.acquire()
        with self._path.open("rb+") as file:
            end = file.seek(0, 2)
            if end == 0:
                return True
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Let the next one write."""
        self._lock.release()
