"""The tracking store: made once, refused in one line."""

import inspect
import os
import sqlite3
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import event

from ferlab.config.compose import compose
from ferlab.errors import TrackingError
from ferlab.tracking import store
from ferlab.tracking.place import where
from ferlab.tracking.run import Run
from ferlab.training.run import train
from tests.conftest import TINY
from tests.processes import called, run
from tests.warm import SERVER

READ_ONLY = """
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1" "$1"
shift
exec "$@"
"""
"""Shell script that makes a folder read-only for the command after it, in a mount namespace."""


def test_the_store_follows_the_home_and_mlflows_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert where.default_uri() == f"sqlite:///{home}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert where.default_uri() == "http://127.0.0.1:1"


def test_a_store_is_found_again_from_what_is_written_down_of_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert where.noted(None) is None
    assert where.noted(f"sqlite:///{home}/mlflow.db") is None  # it may be moved with the home
    monkeypatch.chdir(tmp_path)
    assert where.noted("sqlite:///a/b.db") == f"sqlite:///{tmp_path}/a/b.db"
    assert where.recalled(where.noted("http://host:1")) == "http://host:1"
    note = where.noted("postgresql://me:secret@db/ml")
    assert note == "postgresql://me:***@db/ml"
    monkeypatch.delenv("FERLAB_ADDRESSES")  # another process
    with pytest.raises(TrackingError, match="set MLFLOW_TRACKING_URI"):
        where.recalled(note)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://moved:1")
    assert where.noted(None) == "http://moved:1"
    assert where.recalled("postgresql://me:***@db/ml") is None


@pytest.fixture
def made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores are made by MLflow, and not copied."""
    monkeypatch.setattr(store, "_make", inspect.unwrap(store._make))


@pytest.mark.usefixtures("made_anew")
def test_a_store_whose_making_was_killed_is_made_anew(home: Path) -> None:
    """MLflow cannot go on with tables half made, so they must never stand under the real name."""
    home.mkdir()
    (home / ".mlflow.db.new").write_bytes(b"half of a database")
    client = store.connect(None)
    assert client.create_experiment("x")
    assert [path.name for path in home.glob("*mlflow.db*")] == ["mlflow.db"]


@pytest.mark.usefixtures("made_store")
def test_many_runs_are_sorted_by_a_metric_without_going_through_all_of_them_for_each(
    home: Path,
) -> None:
    count = 5000
    with closing(sqlite3.connect(home / "mlflow.db")) as file:
        file.executemany(
            "INSERT INTO runs (run_uuid, name, user_id, artifact_uri, status, lifecycle_stage, "
            "experiment_id, start_time) VALUES (?, '', '', '', 'FINISHED', 'active', 0, 0)",
            [(f"{i:032x}",) for i in range(count)],
        )
        file.executemany(
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) "
            "VALUES (?, 'm', ?, 0, 0, 0)",
            [(f"{i:032x}", i * 7 % count) for i in range(count)],
        )
        file.commit()
    client = store.connect(None)
    engine = client._tracking_client.store.engine
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(step, 1000)

    event.listen(engine, "checkout", watch)
    found = list(islice(store.runs_with(client, {}, order=["metrics.m DESC"], at_a_time=3), 3))
    assert [run.data.metrics["m"] for run in found] == [count - 1, count - 2, count - 3]
    assert 0 < steps < count  # thousands of SQLite's steps; else it is more than ten times that


def test_artifacts_of_the_home_lie_in_the_home(home: Path) -> None:
    client = store.connect(None)
    experiment = client.get_experiment(store.experiment_id(client, "ferlab"))
    assert experiment.artifact_location == (home / "artifacts").as_uri()
    assert store.experiment_id(client, "ferlab") == experiment.experiment_id


@pytest.mark.usefixtures("made_store")
def test_a_deleted_experiment_is_said_to_be_deleted() -> None:
    client = store.connect(None)
    client.delete_experiment(store.experiment_id(client, "old"))
    with pytest.raises(TrackingError, match="the MLflow experiment 'old' is deleted; restore it"):
        store.experiment_id(client, "old")


@pytest.mark.usefixtures("made_store")
def test_any_other_refusal_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> str:
        del arguments
        raise MlflowException("the quota is used up")

    client = store.connect(None)
    monkeypatch.setattr(MlflowClient, "create_experiment", refuse)
    with pytest.raises(TrackingError, match="cannot be used: the quota is used up"):
        store.experiment_id(client, "new")


@pytest.mark.usefixtures("made_store")
def test_an_experiment_that_another_run_made_meanwhile_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = store.connect(None)
    made = client.create_experiment("shared")
    found = iter([None, client.get_experiment(made)])
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda *_: next(found))
    assert store.experiment_id(client, "shared") == made


def first_run() -> None:
    store.experiment_id(store.connect(None), "x")


@pytest.mark.slow
def test_two_first_runs_at_once_make_one_store(home: Path) -> None:
    with called(SERVER, first_run) as one, called(SERVER, first_run) as other:
        assert [process.finish() for process in (one, other)] == [0, 0]
    named = [e.name for e in store.connect(None).search_experiments()]
    assert sorted(named) == ["Default", "x"]


@pytest.mark.slow
def test_what_may_only_be_read_is_listed_shown_and_exported(home: Path, tmp_path: Path) -> None:
    """As another's home on a file system that is mounted for reading."""
    run_id = train(compose(TINY)).run_id
    export = ["export", run_id, str(tmp_path / "r.zip")]
    commands = [["runs"], ["show", run_id], export, ["clean"], ["train"]]
    script = f"from ferlab.cli import main; print(*map(main, {commands}))"
    apart = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(home)]
    done = run([*apart, sys.executable, "-c", script])
    if "unshare: " in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"0 0 0 0 {os.EX_TEMPFAIL}"
    assert done.stderr.count("\n") == 1
    assert "cannot be used: Read-only file system" in done.stderr


def test_a_password_is_not_shown() -> None:
    with pytest.raises(TrackingError) as caught, store.reported("postgresql://me:secret@db/x"):
        raise OSError("no route to host")
    assert "secret" not in str(caught.value)
    assert "postgresql://me:***@db/x cannot be used: no route to host" in str(caught.value)


@pytest.mark.usefixtures("made_store")
def test_two_commands_that_end_at_once_may_both_write_a_tag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = store.connect(None)
    created = client.create_run(store.experiment_id(client, "raced"))
    real, calls = MlflowClient.set_tag, 0

    def raced(self: MlflowClient, *args: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise MlflowException("UNIQUE constraint failed: tags.key, tags.run_uuid")
        real(self, *args)

    monkeypatch.setattr(MlflowClient, "set_tag", raced)
    Run(client, created.info.run_id).end("KILLED", "interrupted", "by hand")
    run = client.get_run(created.info.run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["ferlab.ended"] == "interrupted"
