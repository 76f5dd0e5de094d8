"""A tracking server that asks for a password: nothing of a study keeps it or tells it."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from tests import warm
from tests.conftest import TINY
from tests.processes import called
from tests.proxy import Proxy, proxy
from tests.servers import free_port, is_up, serve_runs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store")]

CORE = "q7Xv2"
PASSWORD = f"'{CORE} /:?#@%41\"\\"


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path) -> Path:
    """Of the server."""
    path = tmp_path / "server"
    path.mkdir()
    shutil.copy(empty_store, path / "mlflow.db")
    return path


@pytest.fixture
def sick(folder: Path) -> Iterator[Proxy]:
    port = free_port()
    with called(warm.SERVER, serve_runs, "127.0.0.1", port, folder, f"me:{PASSWORD}") as server:
        server.until(lambda: is_up("127.0.0.1", port))
        with proxy(port) as between:
            yield between


def test_a_study_on_a_server_with_a_password_keeps_it_nowhere(
    sick: Proxy, home: Path, tmp_path: Path, empty_store: Path
) -> None:
    address = f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:{sick.port}"
    project = tmp_path / "project"
    project.mkdir()
    texts = list[str]()
    command = ["train", "-m", *TINY, "data.images=140", "trainer.max_epochs=1", "study.name=s"]
    command += [f"tracking.uri={address}", "study.workers=1", "seed=0,1"]
    with warm.started(command, project) as sweep:
        sweep.until(lambda: "trial 0 " in sweep.told())
        sick.become("gone")
        sweep.until(lambda: "waits    " in sweep.told())
        for process in psutil.Process(sweep.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                texts.append(" ".join(process.cmdline()))
        sick.become("well")
        assert sweep.finish() == 0, sweep.told()
        texts.append(sweep.told())
    assert any("python" in text for text in texts[:-1])

    def told(*arguments: str, uri: str = address, code: int = 0) -> str:
        done = warm.run(["--debug", *arguments], project, {"MLFLOW_TRACKING_URI": uri})
        texts.append(done.stdout + done.stderr)
        assert done.returncode == code, texts[-1]
        return texts[-1]

    told("runs")
    told("show", "best:s")
    told("report", "s")
    told("export", "s", "s.zip")
    wrong = address.replace(CORE, f"{CORE}x")
    assert "refuses you (HTTP 401)" in told("report", "s", uri=wrong)
    assert "refuses you (HTTP 401)" in told("export", "s", "t.zip", uri=wrong, code=1)
    sick.become("failing")
    assert "HTTP 500" in told("runs", code=75)
    sick.become("gone")
    assert "it cannot be reached (Connection refused)" in told("export", "s", "t.zip", code=75)
    with zipfile.ZipFile(project / "s.zip") as bundle:
        bundle.extractall(project / "unpacked")
    there = {"FERLAB_HOME": str(tmp_path / "there")}
    (tmp_path / "there").mkdir()
    shutil.copy(empty_store, tmp_path / "there" / "mlflow.db")
    done = warm.run(["import", "s.zip"], project, there)
    assert done.returncode == 0, done.stderr
    texts += [done.stdout, done.stderr]

    assert CORE not in "".join(texts)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if CORE.encode() in path.read_bytes()] == []
