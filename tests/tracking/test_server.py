"""A tracking server is reached as MLflow itself reaches it."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ferlab.errors import TrackingError
from ferlab.tracking import store

Guarded = Callable[[str], str]


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    """A server that answers only who shows a certain credential, and has no page for its health."""
    servers: list[ThreadingHTTPServer] = []

    def start(credential: str) -> str:
        class Guard(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                allowed = self.headers.get("Authorization") == credential
                known = self.path == "/api/2.0/mlflow/experiments/search"
                self._answer(401 if not allowed else 200 if known else 404)

            def do_GET(self) -> None:
                self._answer(404 if self.headers.get("Authorization") == credential else 401)

            def _answer(self, code: int) -> None:
                body = json.dumps({} if code == 200 else {"message": "no"}).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


@pytest.mark.parametrize(
    ("credential", "variables", "user"),
    [
        (BASIC, {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "secret"}, ""),
        ("Bearer abc", {"MLFLOW_TRACKING_TOKEN": "abc"}, ""),
        (BASIC, {}, "me:secret@"),
    ],
)
def test_credentials_are_mlflows_own(
    credential: str,
    variables: dict[str, str],
    user: str,
    guarded: Guarded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = store.connect(f"http://{user}{guarded(credential)}")
    assert list(client.search_experiments()) == []


@pytest.mark.parametrize("user", ["", "me:wrong@"])
def test_without_the_right_ones_it_says_which_are_asked_for(user: str, guarded: Guarded) -> None:
    with pytest.raises(TrackingError, match=r"HTTP 401.*MLFLOW_TRACKING_USERNAME") as caught:
        store.connect(f"http://{user}{guarded(BASIC)}")
    assert "wrong" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_no_mlflow_is_told_in_a_line(guarded: Guarded) -> None:
    address = guarded(BASIC)
    with pytest.raises(TrackingError) as caught:
        store.connect(f"http://me:secret@{address}/elsewhere")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_in_a_line(guarded: Guarded) -> None:
    with pytest.raises(TrackingError) as caught:
        store.connect("http://me:secret@127.0.0.1:1")
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
