"""What killed commands leave over is found, listed, and done away with; nothing else is."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from ferlab import cli as command_line
from ferlab import paths
from ferlab.sweep.left_over import left_runs
from ferlab.tracking import store
from tests.sweep.test_study import NEVER, shared

pytestmark = pytest.mark.usefixtures("made_store")


def recorded(client: MlflowClient, ended: str | None, **tags: str) -> str:
    run_id = str(client.create_run("0", tags=tags).info.run_id)
    if ended is not None:
        client.set_tag(run_id, "ferlab.ended", ended)
        client.set_terminated(run_id, "FINISHED" if ended == "finished" else "KILLED")
    return run_id


def work_of(run_id: str) -> Path:
    folder = paths.work(run_id)
    folder.mkdir(parents=True)
    (folder / "last.ckpt").touch()
    (folder / "lock").touch()
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))
    return folder


def clean(*arguments: str) -> int:
    return command_line.main(["clean", *arguments])


def test_clean_removes_what_nobody_can_go_on_with(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = store.connect(None)
    finished, pruned, interrupted = (
        recorded(client, ended) for ended in ("finished", "pruned", "interrupted")
    )
    deleted, orphan, trained = (recorded(client, None) for _ in range(3))
    client.delete_run(deleted)
    elsewhere, gone = "0" * 32, "1" * 32
    kept = [work_of(run_id) for run_id in (interrupted, elsewhere, trained)]
    left = [work_of(run_id) for run_id in (finished, pruned, deleted)]
    orphans = work_of(orphan)
    artifacts = home / "artifacts"
    for run_id in (finished, gone):
        (artifacts / run_id).mkdir(parents=True)
    lock = home / "studies" / "workers" / "123-abc"
    lock.parent.mkdir(parents=True)
    lock.touch()

    with FileLock(paths.work(trained) / "lock"):
        assert clean("--dry-run") == 0
        listed = capsys.readouterr().out.splitlines()
        assert all(path.exists() for path in (*kept, *left, orphans, lock, artifacts / gone))
        assert client.get_run(orphan).info.status == "RUNNING"
        assert clean() == 0
        assert capsys.readouterr().out.splitlines()[:-1] == listed[:-1]
        assert clean() == 0
        assert capsys.readouterr().out == "nothing is left over\n"
    assert listed[-1] == "6 things would be removed or ended"
    assert f"work folder of run {deleted}, which is deleted" in listed
    assert f"run {orphan} is RUNNING, and nobody trains it" in listed
    assert all(path.exists() for path in (*kept, orphans, artifacts / finished))
    assert not any(path.exists() for path in (*left, lock, artifacts / gone))
    ended = client.get_run(orphan)  # it may be gone on with
    assert (ended.info.status, ended.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")
    assert client.get_run(trained).info.status == "RUNNING"


def test_runs_of_a_study_are_ended_unless_somebody_trains_them() -> None:
    study, client = shared(budget=3), store.connect(None)
    tags = study.key.tags
    with study.liveness.at_work() as alive:
        training = study.next_trial(alive, NEVER)
        with study.liveness.at_work() as dead:
            lost = study.next_trial(dead, NEVER)
        assert training is not None
        assert lost is not None
        lost_run, training_run, late = (
            recorded(client, None, **tags, **{"ferlab.trial": number})
            for number in (str(lost.number), str(training.number), "9")
        )
        for left in left_runs(study.optuna, client, study.liveness):
            left.remove()
        states = {
            run.info.run_id: (run.info.status, run.info.lifecycle_stage)
            for run in client.search_runs(["0"], run_view_type=ViewType.ALL)
        }
        assert states == {
            lost_run: ("KILLED", "active"),
            training_run: ("RUNNING", "active"),
            late: ("KILLED", "deleted"),  # made for a request that nobody heard the answer of
        }


def test_clean_ends_a_study_whose_command_is_gone_with_all_its_workers() -> None:
    study, client = shared(budget=3), store.connect(None)
    tags = {**study.key.tags, "ferlab.kind": "study"}
    own = recorded(client, None, **tags)
    scoring = recorded(client, None, **tags, **{"ferlab.confirms": "r"})
    study.optuna.set_user_attr("about", {})
    with study.liveness.at_work() as worker:
        assert study.next_trial(worker, NEVER) is not None
        assert clean() == 0
        assert client.get_run(own).info.status == "RUNNING"
    assert clean() == 0
    assert client.get_run(scoring).info.status == "RUNNING"  # as far as anyone can tell
    ended = client.get_run(own)
    assert (ended.info.status, ended.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")
