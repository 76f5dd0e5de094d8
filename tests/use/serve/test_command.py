"""``ferlab serve`` as a process: what it says, where it listens, and how it ends."""

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import psutil
import pytest

from ferlab import cli as command_line
from tests import warm


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_this_machine_alone_and_ends_cleanly(
    lab: tuple[Path, str], port: int, number: int, tmp_path: Path
) -> None:
    with warm.started(["serve", lab[1], "--port", str(port)], cwd=tmp_path) as server:
        server.until(lambda: "look at" in server.told())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as reply:
            model = json.load(reply)["model"]
        listening = [
            connection.laddr
            for connection in psutil.Process(server.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        os.kill(server.pid, number)
        assert server.finish() == 0
        told = server.told()
    assert listening == [("127.0.0.1", port)]
    assert told == f"model    {model}\nlook at  http://127.0.0.1:{port}/\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["best", "--port", "{port}"],
            "cannot listen on 127.0.0.1:{port} (Address already in use)",
        ),
        (["best", "--port", "70000"], "--port 70000: there are 1 to 65535"),
        (["best:nosuch", "--port", "{free}"], "there is no study 'nosuch'"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(
    arguments: list[str], words: str, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        typed = [text.format(port=taken, free=port) for text in arguments]
        assert command_line.main(["serve", *typed]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"ferlab: {words.format(port=taken)}")
    assert told.err.count("\n") == 1
