"""Clients that send too much, or too slowly."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ferlab.use.serve import body, connection, schema
from tests.processes import wait_until
from tests.use.serve.conftest import Served

HEAD = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        yield client


def answered(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    parts = []
    try:
        while part := client.recv(2**16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_a_body_that_says_that_it_is_too_large_is_not_waited_for(served: Served) -> None:
    with connected(served) as client:
        client.sendall(f"{HEAD}Content-Length: {body.MAX_BODY + 1}\r\n\r\n".encode())
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert reply.status == 413
        assert json.load(reply)["error"] == "the body is larger than 33,554,432 bytes"


def test_a_body_of_unknown_length_is_read_no_further_than_allowed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_BODY", 10_000)
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    with connected(served) as client:
        client.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + 3 * chunk)
        assert client.recv(2**16).startswith(b"HTTP/1.1 413 ")


def test_all_bodies_together_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "ALL_BODIES", 15_000)
    with connected(served) as first:
        first.sendall(f"{HEAD}Content-Length: 20000\r\n\r\n".encode() + b"x" * 14_000)
        for _ in range(1000):  # until the first is read, the second is not one too many
            reply = served.post(b"x" * 2_000)
            if reply.status == 503:
                break
        assert reply.status == 503
        assert reply.headers["Retry-After"] == "1"
    for _ in range(1000):  # once the first is gone
        if served.post(b"x" * 2_000).status == 422:
            break
    else:
        pytest.fail("what a client that is gone had sent is still held")


def test_a_slow_body_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "SECONDS", 0.2)
    with connected(served) as client:
        client.sendall(f"{HEAD}Content-Length: 1000\r\n\r\nxx".encode())
        answer = answered(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["error"] == "the body took more than 0.2 s"


@pytest.mark.parametrize("sent", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: "])
def test_a_slow_head_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    with connected(served) as client:
        client.sendall(sent.encode())
        assert answered(client) == b""


def test_a_refused_body_that_never_ends_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    with connected(served) as client, pytest.raises(OSError, match=r"reset|[Bb]roken"):
        client.sendall(f"{HEAD}Content-Length: {2**40}\r\n\r\n".encode())
        while True:
            client.sendall(b"x" * 2**16)


def test_a_client_that_takes_no_answer_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    monkeypatch.setattr(schema, "document", lambda: {"large": "x" * 2**25})
    connections = served.server.server_state.connections
    wait_until(lambda: not connections)
    with connected(served) as client:
        client.sendall(b"GET /schema HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: connections)
        wait_until(lambda: not connections)
        assert len(answered(client)) < 2**25


def test_what_is_no_http_is_refused(served: Served) -> None:
    with connected(served) as client:
        client.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert answered(client).startswith(b"HTTP/1.1 400 ")
