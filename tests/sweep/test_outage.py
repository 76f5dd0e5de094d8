"""A store that is away for a while is waited for: no trial fails, and the budget stays exact."""

import errno
import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from ferlab import cli as command_line
from ferlab.tracking import store
from tests import warm
from tests.conftest import TINY, run_id_of
from tests.processes import called
from tests.proxy import Mood, Proxy, proxy
from tests.servers import free_port, is_up, serve_runs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]

FAST = [*TINY, "data.images=140", "trainer.max_epochs=3", "hydra/launcher=basic"]


@pytest.fixture(scope="module")
def tracking(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[tuple[int, MlflowClient]]:
    """The port of an MLflow server, and a client that reaches it however sick the proxy is."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    port = free_port()
    with called(warm.SERVER, serve_runs, "127.0.0.1", port, folder) as server:
        server.until(lambda: is_up("127.0.0.1", port))
        yield port, MlflowClient(f"http://127.0.0.1:{port}")


@pytest.fixture
def sick(tracking: tuple[int, MlflowClient]) -> Iterator[Proxy]:
    with proxy(tracking[0]) as between:
        yield between


def arguments(study: str, uri: str, *others: str) -> list[str]:
    return ["train", "-m", *FAST, f"study.name={study}", f"tracking.uri={uri}", "seed=0,1", *others]


def statuses(client: MlflowClient, study: str) -> Counter[str]:
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(ids, f"tags.`ferlab.study` = '{study}'", ViewType.ALL)
    return Counter(run.info.status for run in found)


@pytest.mark.parametrize("mood", ["failing", "hanging", "gone"])
def test_a_tracking_server_that_is_away_is_waited_for(
    mood: Mood, sick: Proxy, tracking: tuple[int, MlflowClient], home: Path, tmp_path: Path
) -> None:
    variables = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "3"} if mood == "hanging" else {}
    with warm.started(arguments(mood, sick.url), tmp_path, variables) as sweep:
        sweep.until(lambda: sick.asked("/runs/log-batch") > 4)
        sick.become(mood)
        sweep.until(lambda: "waits    " in sweep.told())
        time.sleep(1)
        sick.become("well")
        assert sweep.finish() == 0, sweep.told()
        told = sweep.told()
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    assert told.count("waits    ") == told.count("goes on  after") == 1
    assert statuses(tracking[1], mood) == {"FINISHED": 3}
    assert list((home / "work").iterdir()) == []


def test_after_patience_has_ended_the_same_command_goes_on(
    sick: Proxy, tracking: tuple[int, MlflowClient], home: Path, tmp_path: Path
) -> None:
    command = arguments("left", sick.url, "study.patience=0.02")
    with warm.started(command, tmp_path) as sweep:
        sweep.until(lambda: sick.asked("/runs/log-batch") > 4)
        sick.become("gone")
        assert sweep.finish() == 75, sweep.told()
        told = sweep.told()
    assert told.count("waits    ") == 1
    assert (
        f"ferlab: waited 1 s, and still the tracking store {sick.url} cannot be used: it cannot be "
        "reached (Connection refused); go on with: ferlab train -m "
    ) in told
    sick.become("well")
    done = warm.run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in done.stdout
    assert statuses(tracking[1], "left") == {"FINISHED": 3}
    assert list((home / "work").iterdir()) == []


def test_a_signal_ends_the_wait_at_once(sick: Proxy, home: Path, tmp_path: Path) -> None:
    with warm.started(arguments("signal", sick.url), tmp_path) as sweep:
        sweep.until(lambda: sick.asked("/runs/log-batch") > 4)
        sick.become("gone")
        sweep.until(lambda: "waits    " in sweep.told())
        os.kill(sweep.pid, signal.SIGINT)
        assert sweep.finish() == 130, sweep.told()
        assert "go on with: ferlab train -m " in sweep.told()


def test_a_run_of_its_own_waits_as_well(
    sick: Proxy, tracking: tuple[int, MlflowClient], home: Path, tmp_path: Path
) -> None:
    command = ["train", *FAST[:-1], f"tracking.uri={sick.url}", "seed=7"]
    with warm.started(command, tmp_path) as training:
        training.until(lambda: sick.asked("/runs/log-batch") > 4)
        sick.become("failing")
        training.until(lambda: "waits    " in training.told())
        sick.become("well")
        assert training.finish() == 0, training.told()
        run_id = run_id_of(training.told())
    assert tracking[1].get_run(run_id).info.status == "FINISHED"
    steps = [metric.step for metric in tracking[1].get_metric_history(run_id, "train/loss")]
    assert steps == [1, 2, 3]
    assert list((home / "work").iterdir()) == []


@pytest.fixture(scope="module")
def searched(
    tracking: tuple[int, MlflowClient], tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Path:
    """A home whose two runs, of a study ``searched``, are on the server."""
    home = tmp_path_factory.mktemp("searched") / "home"
    uri = f"http://127.0.0.1:{tracking[0]}"
    variables = {"FERLAB_HOME": str(home), "FERLAB_CACHE": str(cache)}
    command = arguments("searched", uri, "trainer.max_epochs=1")
    done = warm.run(command, home.parent, variables)
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize(
    ("command", "last", "tags"),
    [
        ("ensemble RUN OTHER", '"FINISHED"', {"ferlab.kind": "ensemble"}),
        ("ensemble --soup RUN OTHER", "ferlab.begun_as", {"ferlab.kind": "soup"}),
        ("reproduce RUN", "ferlab.verdict.why", {"ferlab.verdict": "identical"}),
    ],
    ids=["ensemble", "soup", "reproduce"],
)
def test_what_a_command_has_come_to_is_recorded_once_the_store_is_back(
    command: str,
    last: str,
    tags: dict[str, str],
    searched: Path,
    sick: Proxy,
    tracking: tuple[int, MlflowClient],
    tmp_path: Path,
) -> None:
    client = tracking[1]
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    trials = "tags.`ferlab.study` = 'searched' and tags.`ferlab.trial` != 'none'"
    run, other = client.search_runs(ids, trials)
    variables = {"FERLAB_HOME": str(searched), "MLFLOW_TRACKING_URI": sick.url}
    sick.vanish_at(last, hears="soup" in command)  # it has begun a run, and does not know which
    typed = command.replace("RUN", run.info.run_id).replace("OTHER", other.info.run_id).split()
    with warm.started(typed, tmp_path, variables) as running:
        running.until(lambda: "waits    " in running.told())
        sick.become("well")
        assert running.finish() == 0, running.told()
        told = running.told()
    assert told.count("waits    ") == told.count("goes on  after") == 1
    where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    (run,) = client.search_runs(ids, where, ViewType.ALL)
    assert run.info.status == "FINISHED"
    assert list((searched / "work").iterdir()) == []


@pytest.mark.usefixtures("made_store", "no_patience")
def test_a_store_that_is_locked_is_waited_for(home: Path, tmp_path: Path) -> None:
    database = home / "mlflow.db"
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as other,
        warm.started(arguments("locked", f"sqlite:///{database}"), tmp_path) as sweep,
    ):
        sweep.until(lambda: list((home / "work").glob("*/last.ckpt")))
        other.execute("BEGIN EXCLUSIVE")
        sweep.until(lambda: "waits    " in sweep.told())
        other.execute("ROLLBACK")
        assert sweep.finish() == 0, sweep.told()
        told = sweep.told()
    assert "database is locked" in told
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    assert statuses(store.connect(None), "locked") == {"FINISHED": 3}


@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_full_disk_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, times = Path.write_bytes, iter(range(100))

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".last.ckpt.") and next(times) in (1, 2):  # after epoch 2, twice
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert command_line.main(["train", "-m", *FAST, "study.name=full", "seed=0,1"]) == 0
    told = capsys.readouterr()
    assert told.err.count("waits    the disk cannot be used: No space left on device") == 1
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told.out
    assert statuses(store.connect(None), "full") == {"FINISHED": 3}
    assert list((home / "work").iterdir()) == []


@pytest.mark.usefixtures("made_store")
def test_a_run_that_another_host_of_its_home_still_trains_is_waited_for(
    home: Path, tmp_path: Path
) -> None:
    command = ["train", "-m", *FAST, "study.name=held", "seed=0,1"]
    with warm.started(command, tmp_path) as killed:
        killed.until(lambda: list((home / "work").glob("*/last.ckpt")))
    (work,) = (home / "work").iterdir()
    with FileLock(work / "lock") as held, warm.started(command, tmp_path) as sweep:
        sweep.until(lambda: "waits    " in sweep.told())
        held.release()
        assert sweep.finish() == 0, sweep.told()
        told = sweep.told()
    assert f"waits    run {work.name} is being trained by another process" in told
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    assert statuses(store.connect(None), "held") == {"FINISHED": 3}
    assert list((home / "work").iterdir()) == []
