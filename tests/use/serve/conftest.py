"""A server in a thread, on a run that was trained once."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

from ferlab.config.compose import compose
from ferlab.tracking import store
from ferlab.tracking.registry.versions import register_run
from ferlab.training.run import train
from ferlab.use.serve.models import Models
from ferlab.use.serve.server import make_server
from tests.conftest import TINY
from tests.processes import wait_until
from tests.tracking.test_find import study, trial

FAST = [*TINY, "data.images=140", "trainer.max_epochs=1"]
"""A run that is trained in a second."""


class Reply(NamedTuple):
    """What was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


class Served(NamedTuple):
    """A server, and the run that it serves."""

    port: int
    run_id: str
    server: uvicorn.Server

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Reply:
        """One request; a header's name has ``_`` for ``-``, and a None is not sent."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request(
                method, path, body, {name: text for name, text in sent.items() if text is not None}
            )
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def post(self, image: bytes, query: str = "", **headers: str | None) -> Reply:
        """An image to be read."""
        sent = {"Content_Type": "image/png"} | headers
        return self.ask("POST", f"/predict{query}", image, **sent)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, str]:
    """A home with a run that is registered, and a study; and the run's id."""
    home = tmp_path_factory.mktemp("lab") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        run_id = train(compose(FAST)).run_id
        client = store.connect(None)
        register_run(client, run_id, "faces", "champion", {}, "")
        study(client, "empty")
        study(client, "grid")
        for number, accuracy in enumerate((0.5, 0.75, 0.25)):
            trial(client, "grid", number, accuracy=accuracy)
    return home, run_id


@pytest.fixture(autouse=True)
def lab_home(lab: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home is the lab's."""
    monkeypatch.setenv("FERLAB_HOME", str(lab[0]))
    return lab[0]


@pytest.fixture(scope="session")
def served(lab: tuple[Path, str]) -> Iterator[Served]:
    """The server."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listening:
        patch.setenv("FERLAB_HOME", str(lab[0]))
        server = make_server(Models(lab[1]), "127.0.0.1", debug=False)
        thread = threading.Thread(target=server.run, args=([listening],))
        port = listening.getsockname()[1]
        thread.start()
        wait_until(lambda: server.started)
        yield Served(port, lab[1], server)
        server.should_exit = True
        thread.join()
