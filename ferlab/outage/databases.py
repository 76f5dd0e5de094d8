"""How long a PostgreSQL server may keep silent, whoever opens a connection to it.

Both stores are opened through SQLAlchemy, that of the runs within MLflow. A network that is cut is
told by libpq; a server that is frozen, as by SIGSTOP or a disk that hangs, still has its kernel
acknowledge what it is sent, and no setting of libpq's sees that.
"""

import time
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

if TYPE_CHECKING:
    from psycopg import Connection

SILENCE = 60.0
"""Seconds without a word from the server, within a statement, after which it is away."""

_LIBPQ = {
    "connect_timeout": 10,  # seconds
    "tcp_user_timeout": 30_000,  # milliseconds
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,  # seconds
    "keepalives_count": 3,
}
"""Without these a network that is cut is waited for many minutes, or hours where nothing was asked.

What is written into a URL has the say.
"""


def bound_silence() -> None:
    """Have every connection of this process keep to the limits of this file."""
    if not event.contains(Engine, "do_connect", _connect):
        event.listen(Engine, "do_connect", _connect)


def _connect(dialect: Dialect, record: Any, args: list[Any], params: dict[str, Any]) -> Any:
    """Connect within these limits; None for databases that are left to SQLAlchemy."""
    del record
    if dialect.name != "postgresql" or dialect.driver not in ("psycopg", "psycopg2"):
        return None
    for key, value in _LIBPQ.items():
        params.setdefault(key, value)
    return _bounded().connect(*args, **params) if dialect.driver == "psycopg" else None


@cache
def _bounded() -> "type[Connection[Any]]":
    """Psycopg's connection, which gives up a silent server."""
    from psycopg import Connection, OperationalError  # noqa: PLC0415  it is an extra

    class Bounded(Connection[Any]):
        def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
            return super().wait(self._heard(gen), *args, **kwargs)

        def _heard(self, asked: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            """What psycopg waits for, as long as there is something to be read or to be sent."""
            heard = time.monotonic()
            try:
                wanted = next(asked)
                while True:
                    if ready := (yield wanted):
                        heard = time.monotonic()
                    elif time.monotonic() - heard > SILENCE:
                        self.close()  # or whoever rolls back would wait for it again
                        raise OperationalError(f"the server has not answered for {SILENCE:.0f} s")
                    wanted = asked.send(ready)
            except StopIteration as end:
                return end.value

    return Bounded
