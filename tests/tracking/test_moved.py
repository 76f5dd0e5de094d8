"""A home that was moved, copied or linked: its runs are read, and gone on with, where it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking._tracking_service import utils as service

from ferlab import cli as command_line
from ferlab.errors import RunEnded
from ferlab.tracking import artifacts, find, store
from ferlab.tracking.entry import recorded_config
from ferlab.tracking.place import where
from ferlab.tracking.place.moved import TAG
from ferlab.training.run import resume, train
from tests.sweep.test_identity import Out
from tests.sweep.test_study import NEVER, shared, work
from tests.sweep.test_sweep import HERE, children, runs, sweep, trials

SPACE = (HERE, "study.name=mv", "seed=range(0,7)")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """MLflow keeps in a process where a run's artifacts lie; a moved home meets a new process."""
    service._artifact_repos_cache.clear()
    yield
    service._artifact_repos_cache.clear()


def move(how: str, old: Path, new: Path, patch: pytest.MonkeyPatch) -> None:
    """Bring the home to another place; with a copy, the old one stays."""
    service._artifact_repos_cache.clear()
    if how == "copied":
        shutil.copytree(old, new)
    else:
        shutil.move(old, new)
    if how == "linked":  # the old path still leads there
        old.symlink_to(new)
        patch.setenv("FERLAB_HOME", str(old))
    else:
        patch.setenv("FERLAB_HOME", str(new))


def written(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("made_store")
@pytest.mark.parametrize("how", ["moved", "copied", "linked"])
@pytest.mark.parametrize("name", ["new", "a folder, 100 % [of] (mine)", "ä#?&"])
def test_artifacts_are_where_the_home_is(
    how: str, name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.connect(None)
    ids = [store.experiment_id(client, "ferlab"), "0"]
    for key, value in TAG.items():  # as on MLflow's own experiment in a store that ferlab makes
        client.set_experiment_tag("0", key, value)
    store.connect(None)
    before = [client.create_run(experiment).info.run_id for experiment in ids]
    for run_id in before:
        client.log_text(run_id, "kept", "a.txt")
    move(how, home, tmp_path / name, monkeypatch)
    old = written(home)
    client = store.connect(None)
    after = [client.create_run(experiment).info.run_id for experiment in ids]
    for run_id in [*before, *after]:
        client.log_text(run_id, "more", "b.txt")
    for run_id in before:
        read = artifacts.read_files(client, run_id, ["a.txt", "b.txt"], ["a.txt", "b.txt"])
        assert list(read.values()) == [b"kept", b"more"]
    for run_id in [*before, *after]:
        assert (tmp_path / name / "artifacts" / run_id / "artifacts" / "b.txt").is_file()
    if how != "linked":
        assert written(home) == old


@pytest.mark.usefixtures("made_store")
def test_what_lies_outside_the_home_stays_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.connect(None)
    theirs = client.create_experiment("own", (tmp_path / "artifacts").as_uri())
    beside = f"{(home / 'artifacts').as_uri()}-beside"
    named = client.create_experiment("beside", beside)
    ids = [client.create_run(experiment).info.run_id for experiment in (theirs, named)]
    move("moved", home, tmp_path / "new", monkeypatch)
    client = store.connect(None)
    found = [client.get_run(run_id).info.artifact_uri for run_id in ids]
    assert found[0].startswith((tmp_path / "artifacts").as_uri())
    assert found[1].startswith(beside)


@pytest.mark.parametrize("spelled", ["relative", "linked", "dotted"])
def test_the_homes_store_is_known_by_any_path_to_it(
    spelled: str, made_store: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(home)
    path = {"relative": "home", "linked": f"{tmp_path}/link", "dotted": f"{home}/../home"}[spelled]
    uri = f"sqlite:///{path}/mlflow.db"
    assert where.noted(uri) is None
    client = store.connect(uri)
    experiment = client.get_experiment(store.experiment_id(client, "ferlab"))
    assert experiment.artifact_location == (home / "artifacts").as_uri()


def test_a_trial_abandoned_before_the_move_is_free_at_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = shared(budget=3)
    work(study, 1)
    with study.liveness.at_work() as dead:
        lost = study.next_trial(dead, NEVER)
    assert lost is not None
    move("copied", home, tmp_path / "new", monkeypatch)
    old = written(home)
    again = shared(budget=3)
    assert again.key == study.key
    assert work(again) == 2
    assert again.trials()[lost.number].user_attrs["deaths"] == 1
    assert written(home) == old


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_study_and_a_run_go_on_in_a_home_that_was_moved(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    assert sweep(*SPACE, "study.trials=1") == 0
    run_id = find.best(store.connect(None), "mv").run_id
    config = recorded_config(store.connect(None), run_id)

    def stop(epoch: int, metrics: object) -> None:
        raise KeyboardInterrupt

    from ferlab.config import check

    with pytest.raises(RunEnded) as ended:
        train(check(config), stop)
    move("moved", home, new := tmp_path / "new", monkeypatch)
    assert resume(ended.value.run_id).run_id == ended.value.run_id
    bundle = tmp_path / "mv.zip"
    for command in (["show", "best:mv"], ["export", "best:mv", str(bundle)],
                    ["evaluate", "best:mv"], ["reproduce", "best:mv", "--strict"]):  # fmt: skip
        assert command_line.main(command) == 0, capsys.readouterr().err
    assert sweep(*SPACE, "study.trials=2") == 0
    assert len(children("mv")) == len(trials(new, "mv")) == 2
    assert len(runs(study="mv", kind="study")) == 1
    assert not home.exists()
    for run in children("mv"):
        assert any((new / "artifacts" / run.info.run_id).iterdir())
