"""``ferlab ui`` and ``ferlab dashboard``: pages that a server shows in a browser."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ferlab import secrets
from ferlab.errors import FerlabError
from ferlab.signals import terminated

if TYPE_CHECKING:
    from ferlab.tracking.store import Client


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    ui = commands.add_parser("ui", parents=[common], help="open the MLflow UI on ferlab's runs")
    ui.add_argument(
        "what",
        nargs="?",
        metavar="STUDY|RUN",
        help="a study's name, or a run as ferlab show takes it; else the newest study",
    )
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, default=5000, help="port to listen on (%(default)s)")
    ui.set_defaults(run=_ui)

    dashboard = commands.add_parser(
        "dashboard", parents=[common], help="open optuna-dashboard on a study"
    )
    dashboard.add_argument("study", metavar="STUDY", help="its name")
    dashboard.add_argument("--storage", metavar="URL", help="where it is kept, if not at home")
    dashboard.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    dashboard.add_argument("--port", type=int, default=8080, help="port (%(default)s)")
    dashboard.set_defaults(run=_dashboard)


def _ui(args: argparse.Namespace) -> int:
    from ferlab.tracking.place.where import default_uri
    from ferlab.tracking.store import connect

    uri = default_uri()
    if uri.startswith(("http://", "https://")):
        _tell(secrets.seal(uri), _pages(connect(uri), args.what))
        return 0
    _require_free(args.host, args.port)
    pages = _pages(connect(uri, make=not args.what), args.what)
    command = [sys.executable, "-m", "mlflow", "ui"]
    command += ["--host", args.host, "--port", str(args.port), "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level warning"]  # else a line for each file of a page
    print("the MLflow UI is starting ...", flush=True)
    address = (args.host, args.port)
    shown = f"http://{args.host}:{args.port}"
    return _serve(command, uri, address, lambda: _tell(shown, pages))


def _pages(client: "Client", what: str | None) -> dict[str, str]:
    """Paths of what is to be looked at, by what it is."""
    from ferlab.tracking import find
    from ferlab.tracking.pages.views import page_of
    from ferlab.tracking.run import Run
    from ferlab.tracking.store import UI_MODE

    studies = find.list_studies(client)
    if what is None and not studies:
        return {"look at": f"#/experiments{UI_MODE}"}
    study = next((entry for entry in studies if what in (None, entry.study)), None)
    if study is None:
        return {"look at": Run(client, find.resolve(client, str(what)).run_id).page}
    return {
        "look at": page_of(client, study.run_id),
        "charts ": page_of(client, study.run_id, shows_charts=True),
    }


def _tell(address: str, pages: dict[str, str]) -> None:
    for what, page in pages.items():
        print(f"{what} {address.rstrip('/')}/{page}", flush=True)


def _serve(
    command: list[str], uri: str, address: tuple[str, int], ready: Callable[[], None]
) -> int:
    """Run MLflow's server until it ends by itself, or Ctrl-C or SIGTERM ends this command.

    Args:
        command: that starts it.
        uri: of the store that it shows; not in the command, which the system's list of processes
            would tell anyone.
        address: host and port on which it will listen.
        ready: called once it does, which takes it some ten seconds.
    """
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes for language models
        "PYTHONWARNINGS": "ignore",  # those of MLflow's own libraries
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": uri,
    }
    with terminated():
        # In a group of its own, for it would answer Ctrl-C with a traceback.
        server = subprocess.Popen(command, env=environment, process_group=0)
        try:
            while server.poll() is None and not _is_answered(address):
                time.sleep(0.2)
            if server.poll() is None:
                ready()
            return server.wait()
        except KeyboardInterrupt:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            return 0


def _is_answered(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def _dashboard(args: argparse.Namespace) -> int:
    try:
        from optuna_dashboard import run_server
    except ImportError as error:
        raise FerlabError(
            "optuna-dashboard is not installed: pip install -r requirements-full.lock, "
            "or pip install 'optuna-dashboard>=0.21,<0.22'"
        ) from error
    from ferlab.sweep.studies import open_study
    from ferlab.sweep.workers.storage import open_storage

    open_study(args.study, args.storage)  # says which studies there are, if not this one
    _require_free(args.host, args.port)
    print(f"look at http://{args.host}:{args.port}/", flush=True)
    run_server(open_storage(args.storage, args.study), host=args.host, port=args.port)
    return 0


def _require_free(host: str, port: int) -> None:
    """Refuse an address that MLflow could not listen on; it would end without an exit code."""
    listen(host, port).close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        FerlabError: there is no such port, or it cannot be listened on.
    """
    if not 0 < port < 2**16:  # the system would take it modulo 2**16
        raise FerlabError(f"--port {port}: there are 1 to {2**16 - 1}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as undone:
            listening = undone.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
            undone.pop_all()
        return listening
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise FerlabError(
            f"cannot listen on {host}:{port} ({reason}); take another with --port"
        ) from error
