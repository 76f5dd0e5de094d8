"""What a command works with is away for a while: known by its errors, waited for, given up."""

import errno
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import requests
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from ferlab.errors import FerlabError, InUse, Outage, RunEnded

Result = TypeVar("Result")

PATIENCE = 600.0
"""Seconds that a command waits; those of a sweep's workers are ``study.patience``."""

WAITS = "waits    "
"""How the line begins that says what is waited for."""

_FIRST, _LONGEST = 0.5, 30.0
"""Seconds of the first pause between two tries, doubled each time, and of the longest one."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}
_NETWORK = {
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
}

_HTTP = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.RetryError,  # of a status that MLflow takes for passing: 429, 500, 503...
    requests.exceptions.ChunkedEncodingError,
)

_WRONG = (
    *("no such ", "has no column", "syntax error"),  # SQLite
    *("authentication failed", "no password supplied", "does not exist"),  # PostgreSQL
)
"""What databases call an operational error, too, and no time mends."""


def is_outage(error: BaseException) -> bool:
    """Whether a store, a disk or a run is away, full or busy, rather than what is asked wrong."""
    causes = list(_causes(error))
    return any(map(_is_away, causes)) and not any(isinstance(c, Outage) for c in causes)


def tell(error: BaseException) -> str:
    """What is away, in a line."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, FerlabError) and not isinstance(cause, RunEnded):
            return str(cause)
        if isinstance(cause, OSError) and cause.errno in _DISK:
            where = f" ({cause.filename})" if cause.filename else ""
            return f"the disk cannot be used: {cause.strerror}{where}"
    line = (str(causes[-1]).splitlines() or [type(causes[-1]).__name__])[0]
    return f"the study's storage cannot be used: {line}"


def http_trouble(error: BaseException) -> str | None:
    """What a server that is away does, in words; None for any other error."""
    for cause in _causes(error):
        if isinstance(cause, requests.exceptions.SSLError):
            return None  # it says itself what is wrong with a certificate
        if isinstance(cause, requests.Timeout):
            return "it does not answer"
        if isinstance(cause, _HTTP):
            code = re.search(r"too many (\d+) error", str(cause))
            why = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(cause))
            if code:
                return f"it answers with HTTP {code[1]}"
            return f"it cannot be reached{f' ({why[1]})' if why else ''}"
    return None


class Patience:
    """Waits for what is away, says so once, and gives up after a while.

    Whoever uses it does its work anew after each wait, as after a crash: what was finished is kept.

    Args:
        seconds: that an outage may last.
        say: says a line; without it nothing is said.
        clock: seconds, of any beginning.
        sleep: waits for some seconds.
        again: how to go on once it has ended, in words.
    """

    def __init__(
        self,
        seconds: float,
        say: Callable[[str], object] = str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        again: str = "",
    ) -> None:
        self._seconds = seconds
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._again = again
        self._since: float | None = None
        self._pause = _FIRST
        self._done: set[object] = set()

    @classmethod
    def of_command(cls, again: str = "", seconds: float = PATIENCE) -> "Patience":
        """That of a command, which says what it waits for where it says all else."""
        return cls(seconds, logging.getLogger("ferlab").info, again=again)

    def wait(self, error: Exception) -> None:
        """Wait a little, for another try.

        Raises:
            Outage: it has lasted too long.
            Exception: the error itself, where it is of no outage.
        """
        if not is_outage(error):
            raise error
        now = self._clock()
        since = now if self._since is None else self._since
        left = since + self._seconds - now
        if left <= 0:
            waited = f"waited {_duration(self._seconds)}, and still " if self._seconds else ""
            raise Outage("; ".join(filter(None, [waited + tell(error), self._again]))) from error
        if self._since is None:
            self._since = since
            self._say(f"{WAITS}{tell(error)}")
        self._sleep(min(self._pause, left))
        self._pause = min(2 * self._pause, _LONGEST)

    def progress(self, step: object) -> None:
        """A step is done, so that what was away is back; one that was done before says nothing."""
        if step not in self._done:
            self._done.add(step)
            self.reset()

    def reset(self) -> None:
        """What was away is back: the next outage is another one."""
        if self._since is not None:
            self._say(f"goes on  after {_duration(self._clock() - self._since)}")
        self._since, self._pause = None, _FIRST

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function, that may be called twice, until nothing that it needs is away.

        Raises:
            Outage: see `wait`.
        """
        while True:
            try:
                result = function()
            except Exception as error:
                self.wait(error)
            else:
                self.reset()
                return result


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it comes of; MLflow raises without saying what from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        of_driver = cause.orig if isinstance(cause, DBAPIError) else None
        context = None if cause.__suppress_context__ else cause.__context__
        cause = of_driver or cause.__cause__ or context


def _is_away(error: BaseException) -> bool:
    match error:
        case requests.HTTPError(response=requests.Response(status_code=status)):
            return status >= 500 or status in (408, 429)
        case DBAPIError(connection_invalidated=True) | DisconnectionError() | NoConnectionLeft():
            return True
        case OperationalError() | sqlite3.OperationalError():
            return not any(words in str(error) for words in _WRONG)
        case OSError(errno=number) if number in _DISK | _NETWORK:
            return True
    return isinstance(error, (InUse, *_HTTP))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
