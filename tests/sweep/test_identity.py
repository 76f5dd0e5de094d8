"""A study is known by its identity: another of its name takes nothing of it, on any machine."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler

from ferlab.config.compose import compose
from ferlab.errors import TrackingError
from ferlab.sweep.begin import require_own_name
from ferlab.sweep.workers import identity as module
from ferlab.sweep.workers.identity import IDENTITY, make_or_join
from ferlab.sweep.workers.replicate import Replicate
from ferlab.sweep.workers.storage import open_storage
from ferlab.tracking import store
from ferlab.tracking.study_runs import StudyKey, StudyRun, find_run
from ferlab.tracking.trials.trial_run import TrialRun
from tests.conftest import TINY
from tests.sweep.test_study import NEVER, settings, shared
from tests.sweep.test_sweep import HERE, children, runs, sweep

Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_all_who_begin_a_study_at_once_agree_on_its_identity(storage: str, tmp_path: Path) -> None:
    url = None if storage == "journal" else f"sqlite:///{tmp_path}/studies.db"
    open_storage(url, "s")  # its tables
    together = threading.Barrier(6)

    def begin(_: int) -> tuple[str, bool]:
        together.wait()
        study, is_new = make_or_join("s", settings(storage=url), RandomSampler())
        return study.user_attrs[IDENTITY], is_new

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(begin, range(6)))
    assert len({identity for identity, _ in found}) == 1
    assert [is_new for _, is_new in found].count(True) == 1


def test_who_joins_waits_for_a_maker_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    made = optuna.create_study(storage=open_storage(None, "s"), study_name="s")
    late = threading.Timer(0.5, lambda: made.set_user_attr(IDENTITY, "its maker's"))
    late.start()
    assert shared().key == StudyKey("s", "its maker's")
    late.join()


def test_a_study_whose_maker_was_killed_at_once_gets_an_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    optuna.create_study(storage=open_storage(None, "s"), study_name="s")
    first = shared()
    assert first.is_new
    assert (again := shared()).key == first.key
    assert not again.is_new


@pytest.mark.parametrize("objective", ["val/f1", ["val/accuracy", "parameters"]])
def test_optunas_own_tools_know_the_objectives_by_their_names(objective: str | list[str]) -> None:
    study = shared(objective=objective).optuna
    assert study.metric_names == ([objective] if isinstance(objective, str) else objective)


@pytest.mark.usefixtures("made_store")
@pytest.mark.parametrize("replicate", [None, 0, 1])
def test_an_abandoned_trial_takes_no_run_of_another_study_of_its_name(
    replicate: int | None,
) -> None:
    client, study = store.connect(None), shared()
    with study.liveness.at_work() as me:
        trial = study.next_trial(me, NEVER)
    assert trial is not None
    trial.set_user_attr("deaths", 1)
    group = None if replicate is None else "a group"
    mine = Replicate(study, trial, compose(TINY), "name", group, replicate or 0)
    tags = mine._identity(0)
    for identity in ("another", None):  # and of one that was begun before there were identities
        other = {**tags, "ferlab.study.id": identity or ""}
        made = client.create_run(store.experiment_id(client, "ferlab"), tags=other)
        client.set_terminated(made.info.run_id)
    assert mine._found(0) is None
    own = client.create_run(store.experiment_id(client, "ferlab"), tags=tags)
    found = mine._found(0)
    assert found is not None
    assert found.run_id == own.info.run_id


@pytest.mark.usefixtures("made_store")
def test_a_trial_of_several_seeds_takes_no_group_of_another_study() -> None:
    client, config = store.connect(None), compose(TINY)
    keys = [StudyKey("s", "one"), StudyKey("s", "other")]
    parents = [StudyRun.open(client, "ferlab", key, {}).id for key in keys]
    groups = [
        TrialRun.open(client, config, key, 0, parent, "a trial").id
        for key, parent in zip(keys * 2, parents * 2, strict=True)
    ]
    assert groups[:2] == groups[2:]
    assert len(set(groups)) == 2
    for group, parent in zip(groups, parents, strict=False):
        assert client.get_run(group).data.tags["mlflow.parentRunId"] == parent


@pytest.mark.usefixtures("made_store")
@pytest.mark.parametrize(
    ("experiment", "is_confirmation"), [("mine-too", False), ("another", False), ("mine-too", True)]
)
def test_a_name_that_the_store_has_is_refused_before_anything_is_created(
    experiment: str, is_confirmation: bool, home: Path
) -> None:
    client = store.connect(None)
    theirs = StudyRun.open(client, experiment, StudyKey("s", "theirs"), {}).id
    StudyRun.open(client, experiment, StudyKey("s-2", "also theirs"), {})
    with pytest.raises(TrackingError) as caught:
        require_own_name(client, "s", None, "mine", is_confirmation)
    assert "has another study 's', begun elsewhere" in str(caught.value)
    assert ("study.name=s-3" in str(caught.value)) is not is_confirmation
    assert f"mlflow runs delete --run-id {theirs} frees the name" in str(caught.value)
    assert not (home / "studies").exists()
    assert client.get_experiment_by_name("mine") is None
    client.delete_run(theirs)
    require_own_name(client, "s", None, "mine", is_confirmation)


@pytest.mark.usefixtures("made_store")
def test_a_study_that_was_begun_needs_its_own_tracking_store() -> None:
    client, key = store.connect(None), StudyKey("s", "mine")
    with pytest.raises(TrackingError, match="'s', which was begun: its runs are in another"):
        StudyRun.open(client, "ferlab", key, {}, before="0" * 32)
    assert find_run(client, key.tags) is None


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_two_projects_and_a_deleted_journal_share_a_store_and_no_scores(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    shutil.copy(empty_store, tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    homes = {name: tmp_path / name for name in ("ann", "bob")}
    monkeypatch.setenv("FERLAB_HOME", str(homes["ann"]))
    assert sweep(HERE, "study.name=lr", "optimizer.lr=choice(0.05)") == 0
    monkeypatch.setenv("FERLAB_HOME", str(homes["bob"]))
    others = (HERE, "optimizer.lr=choice(0.000001)", "data.images=210")
    assert sweep(*others, "study.name=lr") == 1
    assert "take another name, such as study.name=lr-2; where" in capsys.readouterr().err
    assert not (homes["bob"] / "studies").exists()
    assert sweep(*others, "study.name=lr-2") == 0
    monkeypatch.setenv("FERLAB_HOME", str(homes["ann"]))
    (homes["ann"] / "studies" / "lr.log").unlink()
    again = (HERE, "optimizer.lr=choice(0.1)", "study.replicates=2")
    assert sweep(*again, "study.name=lr") == 1
    assert "study.name=lr-3" in capsys.readouterr().err
    (before,) = runs(study="lr", kind="study")
    store.connect(None).delete_run(before.info.run_id)
    assert sweep(*again, "study.name=lr") == 0
    assert [r.data.params["optimizer.lr"] for r in children("lr-2")] == ["1e-06"]
    (study,) = runs(study="lr", kind="study")
    mine = runs(**{"study.id": study.data.tags["ferlab.study.id"]})
    told = [r.data.params["optimizer.lr"] for r in mine if "ferlab.trial" in r.data.tags]
    assert told == ["0.1"] * 3  # the trial and its two seeds
    assert len(children("lr")) == 4
