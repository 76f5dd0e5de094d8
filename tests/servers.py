"""Servers of the tests' own: PostgreSQL, and MLflow's, gone without a trace when they are over."""

import importlib.util
import logging
import os
import shutil
import signal
import socket
import tempfile
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from tests.processes import run, started

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NOBODY = 65534


class Postgres:
    """A PostgreSQL server that can be ended, started again, and frozen.

    Args:
        command: that starts it.
        options: of the process.
        url: at which it answers.
        data: the folder of its databases.
    """

    def __init__(
        self, command: Sequence[Any], options: Mapping[str, Any], url: URL, data: Path
    ) -> None:
        self.url = url
        self.data = data
        self._command, self._options = command, options
        self._stack = ExitStack()

    def start(self) -> None:
        self._process = self._stack.enter_context(started(self._command, **self._options))
        self._process.until(lambda: can_connect(self.url))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """It disconnects everybody and ends; by SIGQUIT without writing what it has in memory."""
        self.thaw()
        os.kill(self._process.pid, how)
        self._process.finish()
        self._stack.close()

    def freeze(self) -> None:
        """Neither it nor any process of its connections says a word; the kernel still does."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):  # its client has just left
                process.suspend()

    def thaw(self) -> None:
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        first = psutil.Process(self._process.pid)
        return [first, *first.children()]


@contextmanager
def postgres(password: str, address: str = "127.0.0.1") -> Iterator[URL]:
    """The address of a PostgreSQL server; see `postgres_server`."""
    with postgres_server(password, address) as server:
        yield server.url


@contextmanager
def postgres_server(password: str, address: str = "127.0.0.1") -> Iterator[Postgres]:
    """A PostgreSQL server.

    Args:
        password: of its user, ``ferlab``.
        address: on which it listens, for all machines of its network.
    """
    root = os.getuid() == 0  # as whom PostgreSQL refuses to run
    folder = Path(tempfile.mkdtemp("", "ferlab-postgres-", os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    try:
        programs = find_programs(folder if root else None)
        data, secret = folder / "data", folder / "password"
        secret.write_text(password)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
        if root:
            for path in (folder, secret):
                os.chown(path, NOBODY, NOBODY)
        initdb = [
            *(programs / "initdb", "--pgdata", data, "--username", "ferlab", "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", secret),
        ]
        made = run(initdb, cwd=folder, **user)
        assert made.returncode == 0, made.stderr
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet scram-sha-256\n")
        port = free_port(address)
        url = URL.create("postgresql+psycopg", "ferlab", password, address, port, "postgres")
        command = [
            *(programs / "postgres", "-D", data, "-h", address, "-p", str(port)),
            *("-c", "unix_socket_directories=", "-c", "fsync=off"),
        ]
        server = Postgres(command, {"cwd": folder, **user}, url, data)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def find_programs(copied_to: Path | None) -> Path:
    """PostgreSQL's programs: those that came with the test's packages, else the system's.

    Copied, if somebody else is to run them: where packages are installed may be a private folder.
    """
    found = importlib.util.find_spec("pgserver")
    if found is not None and found.origin is not None:
        package = Path(found.origin).parent
        if copied_to is None:
            return package / "pginstall" / "bin"
        for path in (package, package.with_name("pgserver.libs")):
            shutil.copytree(path, copied_to / path.name)
        return copied_to / package.name / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    folders = [*map(Path, os.environ["PATH"].split(os.pathsep)), *debian]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.fail("there is no PostgreSQL: no package pgserver, no initdb on the PATH", pytrace=False)


def can_connect(url: URL) -> bool:
    """Whether a PostgreSQL server answers."""
    engine = create_engine(url)
    try:
        engine.connect().close()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


def database(server: URL, name: str) -> str:
    """A new, empty database."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    engine.dispose()
    address = server.set(database=name).render_as_string(hide_password=False)
    return address.replace("%2F", "/")  # which SQLAlchemy takes as it is, and other readers do not


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def serve_runs(address: str, port: int, folder: Path, user: str | None = None) -> None:
    """MLflow's server, without the processes beside it that run jobs of language models.

    It answers as ``mlflow server`` does by default: who records gives it the artifacts, too.

    Args:
        address: on which it listens.
        port: on which it listens.
        folder: with its ``mlflow.db``; the artifacts come beside that.
        user: a name, a colon and a password, without which none is let in; None for all.
    """
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder}/mlflow.db"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
    os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
    os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from mlflow.server import app
    from werkzeug.serving import make_server

    served = app if user is None else _guarded(app, user)
    make_server(address, port, served, threaded=True).serve_forever()


def _guarded(app: "WSGIApplication", user: str) -> "WSGIApplication":
    allowed = f"Basic {b64encode(user.encode()).decode()}"

    def guard(request: "WSGIEnvironment", begin: "StartResponse") -> Iterable[bytes]:
        if request.get("HTTP_AUTHORIZATION") == allowed or request["PATH_INFO"] == "/health":
            return app(request, begin)
        begin("401 UNAUTHORIZED", [("WWW-Authenticate", "Basic"), ("Content-Length", "0")])
        return []

    return guard


def is_up(address: str, port: int) -> bool:
    """Whether MLflow's server answers."""
    with suppress(OSError):
        return bool(urllib.request.urlopen(f"http://{address}:{port}/health").status == 200)
    return False
