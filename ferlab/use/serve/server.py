"""The server: started on a socket, and ended by Ctrl-C or SIGTERM."""

import socket
from contextlib import suppress

import torch
import uvicorn

from ferlab.signals import terminated
from ferlab.use.serve.app import make_app
from ferlab.use.serve.connection import BoundedConnection
from ferlab.use.serve.models import Models

CONNECTIONS = 500
"""That are served at a time; others are answered with 503."""

_GRACE = 5
"""Seconds that requests have to end in, once the server ends."""


def serve(models: Models, listening: socket.socket, host: str, debug: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        models: that may be asked.
        listening: listens.
        host: its address as the user named it.
        debug: whether tracebacks of unexpected errors are shown.

    Raises:
        FerlabError: see `ferlab.use.serve.app.make_app`.
    """
    torch.set_num_threads(1)  # each of the threads that answer has a core of its own
    server = make_server(models, host, debug)
    # uvicorn ends by either signal in its own way, and then lets it have its usual effect.
    with terminated(), suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def make_server(models: Models, host: str, debug: bool) -> uvicorn.Server:
    """The server that `serve` runs."""
    config = uvicorn.Config(
        make_app(models, host),
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error" if debug else "critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )
    return uvicorn.Server(config)
