"""``ferlab ui``."""

import argparse
import os
import socket
import sys
from typing import Any

from ferlab.errors import FerlabError


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    ui = commands.add_parser("ui", parents=[common], help="open the MLflow UI on ferlab's runs")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, default=5000, help="port to listen on (%(default)s)")
    ui.set_defaults(run=_ui)


def _ui(args: argparse.Namespace) -> int:
    from ferlab.tracking.store import UI_MODE, connect, default_uri

    uri = default_uri()
    if uri.startswith(("http://", "https://")):
        raise FerlabError(f"the runs are on a server; open {uri} in a browser")
    require_free(args.host, args.port)
    connect(uri)
    print(f"look at http://{args.host}:{args.port}/#/experiments{UI_MODE}", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--host", args.host, "--port", str(args.port), "--workers", "1"]
    # It would start seven more processes, for evaluating language models.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.execv(command[0], command)  # noqa: S606  becomes MLflow, so that signals reach it


def require_free(host: str, port: int) -> None:
    """Refuse an address that MLflow could not listen on; it would end without an exit code."""
    if not 0 < port < 2**16:  # the system would take it modulo 2**16
        raise FerlabError(f"--port {port}: there are 1 to {2**16 - 1}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise FerlabError(
            f"cannot listen on {host}:{port} ({reason}); take another with --port"
        ) from error
