"""The command line from outside: what a user types, sees, and can act on."""

import os
import signal
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.cli import ui
from ferlab.tracking import store
from ferlab.tracking.pages.study_views import study_views
from ferlab.tracking.pages.views import keep_views
from ferlab.tracking.study_runs import StudyKey
from tests import warm
from tests.conftest import TINY, Cli, run_id_of
from tests.processes import run


@pytest.mark.slow
def test_train_prints_the_result_and_where_to_look(cli: Cli, home: Path) -> None:
    done = cli("train", *TINY)
    assert done.returncode == 0, done.stderr
    run_id = run_id_of(done.stdout)
    assert "on 32 validation images" in done.stdout
    assert "ferlab ui" in done.stdout
    assert f"runs/{run_id}" in done.stdout
    epochs = [line for line in done.stderr.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 3
    assert "images/s" in epochs[0]
    assert "Warning" not in done.stderr
    assert (home / "mlflow.db").exists()


@pytest.mark.slow
def test_nothing_is_written_outside_the_home_and_the_cache(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FERLAB_HOME")
    assert cli("train", *TINY, "trainer.max_epochs=1").returncode == 0
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["mlruns"]


def test_a_config_error_is_one_line_and_creates_nothing(cli: Cli, home: Path) -> None:
    done = cli("train", "optimizer.lrr=0.1")
    assert done.returncode == 1
    assert done.stderr == "ferlab: config: optimizer.lrr: unknown key; did you mean 'lr'?\n"
    assert not home.exists()


def test_debug_shows_the_traceback(cli: Cli) -> None:
    done = cli("train", "--debug", "optimizer.lrr=0.1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ferlab", "runs"]
    done = run(command, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.slow
def test_missing_data_says_how_to_get_it(cli: Cli, home: Path) -> None:
    done = cli("train", "data=fer2013", "data.path=/nowhere/archive.zip")
    assert done.returncode == 1
    assert done.stderr.startswith("ferlab: ")
    assert len(done.stderr.splitlines()) == 1
    assert "msambare/fer2013" in done.stderr
    assert not home.exists()


def test_a_resumed_run_takes_no_overrides(cli: Cli) -> None:
    done = cli("train", "--resume", "abc", "seed=1")
    assert done.returncode == 1
    assert done.stderr == "ferlab: a resumed run keeps its config; leave out seed=1\n"


def test_audit_counts_and_draws_nothing_where_there_is_nothing_to_see(cli: Cli, home: Path) -> None:
    done = cli("data", "audit", "data.images=140")
    assert done.returncode == 0, done.stderr
    assert "disgust" in done.stdout
    assert "examples" not in done.stdout
    assert not (home / "audits").exists()


# --- the tracking store -------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.slow
def test_an_unreachable_server_is_found_before_training(cli: Cli) -> None:
    done = cli("train", *TINY, f"tracking.uri=http://127.0.0.1:{free_port()}")
    assert done.returncode == os.EX_TEMPFAIL
    assert "epoch" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "the tracking store http://127.0.0.1:" in done.stderr
    assert "cannot be used" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_a_locked_store_is_found_before_training(cli: Cli, home: Path) -> None:
    with sqlite3.connect(home / "mlflow.db") as database:
        database.execute("BEGIN EXCLUSIVE")
        done = cli("train", *TINY)
        database.rollback()
    assert done.returncode == os.EX_TEMPFAIL
    assert "epoch" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "database is locked" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"this is no database, whatever its name says", b""])
def test_a_store_that_is_no_database_is_one_line_or_made(
    cli: Cli, home: Path, content: bytes
) -> None:
    home.mkdir()
    (home / "mlflow.db").write_bytes(content)
    done = cli("train", *TINY, "trainer.max_epochs=1")
    if content:
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "file is not a database" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_home_that_cannot_be_made_is_one_line(cli: Cli, home: Path) -> None:
    home.write_text("a file stands where the folder should be")
    done = cli("train", *TINY)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the tracking store sqlite:///" in done.stderr


def test_ui_shows_the_runs_on_the_loopback_address_alone(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    served: list[tuple[list[str], str]] = []
    monkeypatch.setattr(ui, "_serve", lambda command, uri, *_: served.append((command, uri)))
    port = str(free_port())
    command_line.main(["ui", "--port", port])
    ((command, uri),) = served
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == port
    assert uri == f"sqlite:///{home}/mlflow.db"
    assert uri not in command  # which the system's list of processes tells anyone


def test_ui_on_a_port_that_is_taken_is_one_line_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ui, "_serve", lambda *_: pytest.fail("MLflow was started"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command_line.main(["ui", "--port", str(port)]) == 1
    error = f"ferlab: cannot listen on 127.0.0.1:{port} (Address already in use); take another"
    assert capsys.readouterr().err.startswith(error)
    assert command_line.main(["ui", "--port", "99999"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not home.exists()


@pytest.mark.usefixtures("made_store")
def test_ui_names_the_page_of_a_study_or_a_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(command: object, uri: object, address: object, ready: Callable[[], None]) -> int:
        del command, uri, address
        ready()
        return 0

    monkeypatch.setattr(ui, "_serve", serve)
    port = str(free_port())

    def pages(*what: str) -> list[str]:
        assert command_line.main(["ui", *what, "--port", port]) == 0
        lines = capsys.readouterr().out.splitlines()[1:]
        return [line.partition(f"http://127.0.0.1:{port}/#/")[2] for line in lines]

    assert pages() == ["experiments?workflowType=machine_learning"]
    client = store.connect(None)
    studies = [
        client.create_run("0", tags={"ferlab.kind": "study", "ferlab.study": name}).info.run_id
        for name in ("first", "second")
    ]
    for name, run_id in zip(("first", "second"), studies, strict=True):
        views = study_views(["val/f1"], {"seed": True}, 1, StudyKey(name, "0"), run_id)
        keep_views(client, run_id, views)
    view = "experiments/0/runs?workflowType=machine_learning&viewStateShareKey=ferlab-"
    for what, run_id in (((), studies[1]), (("first",), studies[0]), (("second",), studies[1])):
        table, charts = pages(*what)
        assert table == f"{view}{run_id[:12]}"
        assert charts == f"{table}&compareRunsMode=CHART"
    run_id = client.create_run("0").info.run_id
    assert pages(run_id[:9]) == [f"experiments/0/runs/{run_id}?workflowType=machine_learning"]
    assert command_line.main(["ui", "third", "--port", port]) == 1
    assert "there is no run 'third'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ui_serves_until_it_is_told_to_end_and_ends_quietly(how: int) -> None:
    port = free_port()

    def is_answered() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                return bool(answer.read() == b"OK")
        except (urllib.error.URLError, ConnectionError):
            return False

    with warm.started(["ui", "--port", str(port)]) as server:
        server.until(is_answered)
        os.kill(server.pid, how)
        assert server.finish() == 0
        assert "Traceback" not in server.told()
    assert not is_answered()


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",),
        ("show", "best"),
        ("diff", "a", "b"),
        ("reproduce", "best", "--dry-run"),
        ("evaluate", "best"),
        ("export", "best", "x.zip"),
        ("train", "--resume", "abc"),
    ],
    ids=" ".join,
)
def test_a_command_that_reads_makes_nothing(
    arguments: tuple[str, ...],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert command_line.main([*arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"ferlab: there are no runs here: {home}/mlflow.db does not exist")
    assert error.count("\n") == 1
    assert not home.exists()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_run_whose_checkpoint_is_gone_says_so_and_starts_again(
    home: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    from ferlab.config.compose import compose
    from ferlab.errors import RunEnded
    from ferlab.training.run import train
    from ferlab.training.stop import Interrupted

    def interrupt(epoch: int, metrics: object) -> None:
        if epoch == 2:
            raise Interrupted("SIGINT")

    with pytest.raises(RunEnded) as caught:
        train(compose(TINY), report=interrupt)
    run_id = caught.value.run_id
    shutil.rmtree(home / "work" / run_id)
    done = cli("train", "--resume", run_id[:10])
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "data     faces: 216 training, 32 validation images"
    assert lines[1] == f"run      {run_id}: compact, faces, seed 0"
    assert lines[2] == "on       cpu, 1 thread"
    assert lines[3] == f"from     the beginning: there is no checkpoint in {home / 'work' / run_id}"
    assert lines[4].startswith("epoch 1/3")
