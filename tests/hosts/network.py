"""Machines of a test's own: network namespaces of Linux, on one switch, whose cables can be cut.

What runs on a host has its own network, hostname, home and clock, as in a container. Only root can
make such, with ``ip`` (Debian's package iproute2).
"""

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ferlab.sweep.workers import liveness
from tests import warm
from tests.processes import Command, called

REQUIRED = "FERLAB_TEST_HOSTS"
"""The environment variable under which a machine that has no namespaces fails the tests."""

HOSTS = 2
"""Beside the server."""

_NEWNS, _NEWUTS, _NEWNET = 0x00020000, 0x04000000, 0x40000000
_BIND, _PRIVATE, _RECURSIVE = 1 << 12, 1 << 18, 1 << 14
"""What Linux calls them: ``CLONE_NEWNS`` and so on, ``MS_BIND`` and so on."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class Network:
    """A server and some hosts, each in a namespace.

    Attributes:
        address: of the server.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.address = "10.77.0.1"
        self._server = f"-n {name}-server"
        lines = [
            f"netns add {name}-server",
            *(f"{self._server} link set lo up", f"{self._server} link add switch type bridge"),
            f"{self._server} address add {self.address}/24 dev switch",
            f"{self._server} link set switch up",
        ]
        for host in range(HOSTS):
            there, port = f"-n {name}-{host}", f"port{host}"
            lines += [
                f"netns add {name}-{host}",
                f"{self._server} link add {port} type veth peer name eth0 netns {name}-{host}",
                f"{self._server} link set {port} master switch up",
                f"{there} address add 10.77.0.{host + 2}/24 dev eth0",
                *(f"{there} link set lo up", f"{there} link set eth0 up"),
            ]
        for line in lines:
            _ip(line)

    def cut(self, host: int) -> None:
        """Have nothing pass between a host and all others."""
        _ip(f"{self._server} link set port{host} down")

    def restore(self, host: int) -> None:
        """Undo `cut`."""
        _ip(f"{self._server} link set port{host} up")

    @contextmanager
    def at_server(self) -> Iterator[None]:
        """Have what this thread connects to, and starts, be in the server's network."""
        with Path("/proc/thread-self/ns/net").open() as own:
            enter(f"{self._name}-server")
            try:
                yield
            finally:
                _setns(own.fileno())

    def serve(self, port: int, folder: Path) -> None:
        """What `tests.servers.serve_runs` does, at the server; called in a process of its own."""
        from tests.servers import serve_runs

        enter(f"{self._name}-server")
        serve_runs(self.address, port, folder)

    @contextmanager
    def started(self, host: "Host", arguments: list[str], folder: Path) -> Iterator[Command]:
        """``ferlab ARGUMENTS`` on a host while the block runs; else as `tests.warm.started`.

        Args:
            host: that it runs on.
            arguments: of the command line.
            folder: for what it writes; the host's home lies in it.
        """
        outputs = folder / f"stdout{host.number}", folder / f"stderr{host.number}"
        for path in outputs:
            path.touch()
        for path in (folder / f"home{host.number}", folder / "home"):
            path.mkdir(exist_ok=True)
        with called(
            *(warm.SERVER, run_on, f"{self._name}-{host.number}", host, arguments, folder, outputs),
            outputs=outputs,
        ) as command:
            yield command


@dataclass(frozen=True)
class Host:
    """One of the hosts, as what runs on it sees it.

    Attributes:
        number: from 0.
        name: its hostname.
        ahead: seconds that its clock is.
        timeout: seconds without heartbeats after which it takes a worker for gone; None for
            ferlab's own.
    """

    number: int
    name: str
    ahead: float = 0.0
    timeout: float | None = None


@contextmanager
def network() -> Iterator[Network]:
    """A network while the block runs; the test is skipped where none can be made."""
    name = f"ferlab-{secrets.token_hex(4)}"
    try:
        if os.getuid() != 0:
            _give_up("only root can make network namespaces")
        if shutil.which("ip") is None:
            _give_up("there is no ip, of iproute2, to make network namespaces with")
        try:
            made = Network(name)
        except RuntimeError as error:
            _give_up(f"no network namespaces can be made here: {error}")
        yield made
    finally:
        folder = Path("/run/netns")
        for path in sorted(folder.glob(f"{name}-*")):
            _ip(f"netns del {path.name}")


def run_on(
    namespace: str, host: Host, arguments: list[str], folder: Path, outputs: tuple[Path, ...]
) -> None:
    """Become a command on a host, whose home has the same path as that of any other."""
    enter(namespace)
    _check(_LIBC.unshare(_NEWNS | _NEWUTS))
    _check(_LIBC.mount(None, b"/", None, _PRIVATE | _RECURSIVE, None))
    home = folder / "home"
    _check(_LIBC.mount(bytes(folder / f"home{host.number}"), bytes(home), None, _BIND, None))
    socket.sethostname(host.name)
    now = time.time
    time.time = lambda: now() + host.ahead
    if host.timeout is not None:
        liveness.TIMEOUT, liveness.INTERVAL = host.timeout, host.timeout / 20
    env = {"FERLAB_HOME": str(home), "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
    warm.run_here(arguments, folder, env, outputs)


def enter(namespace: str) -> None:
    """Have this thread be in a network namespace that ``ip`` made."""
    with Path("/run/netns", namespace).open() as file:
        _setns(file.fileno())


def _give_up(why: str) -> None:
    if REQUIRED in os.environ:
        pytest.fail(f"{why}, and {REQUIRED} asks for them", pytrace=False)
    pytest.skip(why)


def _ip(line: str) -> None:
    done = subprocess.run(["ip", *line.split()], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {line}: {done.stderr.strip()}")


def _setns(number: int) -> None:
    _check(_LIBC.setns(number, _NEWNET))


def _check(code: int) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
