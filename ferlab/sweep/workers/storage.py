"""Where a study is kept: a journal that a crash cannot spoil, or any database Optuna knows."""

import os
import random
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna import delete_study, get_all_study_names
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError

from ferlab import paths
from ferlab.errors import TrackingError
from ferlab.outage import databases
from ferlab.sweep.workers.journal import Journal
from ferlab.tracking.place.address import is_address, whole_address

_ERRORS = (SQLAlchemyError, StorageInternalError, ImportError, OSError, RuntimeError, ValueError)
"""What opening raises: RuntimeError for the tables of another Optuna, ValueError for a port."""

_TRIES = 5
"""Times that the tables are looked for, or made, while others make them."""

_PATIENCE = 60
"""Seconds to wait for a SQLite file that another process writes."""


def open_storage(url: str | None, study: str) -> BaseStorage:
    """The storage at ``url``; None for a journal of this study's own in ferlab's home.

    Raises:
        TrackingError: it cannot be opened or made.
    """
    try:
        if url is not None:
            return _database(url)
        folder = paths.home() / "studies"
        folder.mkdir(parents=True, exist_ok=True)
        return _journal(folder / f"{study}.log")
    except _ERRORS as error:
        raise TrackingError(f"study.storage cannot be opened: {_first_line(error)}") from error


def _journal(path: Path) -> JournalStorage:
    """A journal, which each thread of a command reads whole once, and later what is new in it."""
    if not (beginning := _beginning(path)):
        return _read(path)
    return _kept(path, beginning, os.getpid(), threading.get_ident())


@lru_cache(maxsize=4)
def _kept(path: Path, *_reader_and_beginning: object) -> JournalStorage:
    return _read(path)


def _read(path: Path) -> JournalStorage:
    try:
        return JournalStorage(Journal(path))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise TrackingError(f"the study's journal {path} is damaged: {why}") from error


def _beginning(path: Path) -> bytes:
    """What no other journal begins with: the id of who made the study is within it."""
    try:
        with path.open("rb") as file:
            return file.read(100)
    except FileNotFoundError:
        return b""


def exists(url: str | None, study: str) -> bool:
    """Whether there is a study of this name.

    Raises:
        TrackingError: the storage cannot be opened.
    """
    if url is None:
        return (paths.home() / "studies" / f"{study}.log").exists()
    return study in get_all_study_names(open_storage(url, study))


def remove(url: str | None, study: str) -> None:
    """Remove a study that nobody works on.

    Raises:
        TrackingError: the storage cannot be opened.
    """
    if url is not None:
        delete_study(study_name=study, storage=open_storage(url, study))
        return
    folder = paths.home() / "studies"
    for name in (f"{study}.log", f"{study}.log.lock", f".{study}.log.held"):
        (folder / name).unlink(missing_ok=True)


def _database(url: str) -> RDBStorage:
    """A database, which each thread of a command connects to once."""
    url = whole_address(url)
    if not is_address(url):
        raise ArgumentError("an @ within the password must be written %40")
    return _connected(url, os.getpid(), threading.get_ident())


@lru_cache(maxsize=4)
def _connected(url: str, *_reader: int) -> RDBStorage:
    """A database with Optuna's tables, which two first commands may make at the same time."""
    databases.bound_silence()
    options: dict[str, Any] = {"pool_pre_ping": True}  # a server may restart during a sweep
    if make_url(url).get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": _PATIENCE}
    for left in reversed(range(_TRIES)):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except (SQLAlchemyError, StorageInternalError) as error:
            if left == 0 or not _is_race(error):
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311  no secret
    raise AssertionError("the last try returns or raises")


def _is_race(error: BaseException) -> bool:
    """Whether it may be that others made the same tables at the same moment."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, OperationalError):  # for most of these there is no connection
        return any(words in str(cause) for words in ("already exists", "is locked"))
    return isinstance(cause, DatabaseError)


def _first_line(error: BaseException) -> str:
    """What went wrong, without the URL: a password may be in it, or in any part of a wrong one."""
    if isinstance(error, ValueError | ArgumentError):
        return (
            "it is no URL of a database, such as postgresql+psycopg://user@host/name; "
            "@ within a password is written %40"
        )
    cause = error.__cause__ or getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
