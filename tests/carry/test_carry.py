"""A study that is taken to another machine is there what it was, and goes on."""

import json
import re
import shutil
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from ferlab import cli as command_line
from ferlab.sweep import studies
from ferlab.sweep.workers import portable
from ferlab.sweep.workers.liveness import Liveness
from ferlab.tracking import store
from ferlab.tracking.pages.views import kept_views
from tests.carry.conftest import Lab
from tests.sweep.test_sweep import trials

Out = pytest.CaptureFixture[str]
Ids = Callable[[], set[str]]

pytestmark = pytest.mark.slow

_ID = re.compile(r"[0-9a-f]{32}|(?<=^)[0-9a-f]{8}\b|(?<=`)[0-9a-f]{8}(?=`)", re.MULTILINE)


def told(capsys: Out, *arguments: str) -> str:
    """What a command prints, without the ids of runs."""
    capsys.readouterr()
    assert command_line.main(list(arguments)) == 0, capsys.readouterr().err
    return _ID.sub("ID", capsys.readouterr().out)


def refused(capsys: Out, *arguments: str) -> str:
    """The one line by which a command refuses."""
    capsys.readouterr()
    assert command_line.main(list(arguments)) == 1
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("ferlab: ")]
    assert len(lines) == 1, error
    assert "unexpected" not in error
    return lines[0]


def shown(capsys: Out, folder: Path) -> dict[str, Any]:
    """All that commands say of the study."""
    listed = json.loads(told(capsys, "runs", "--json"))
    for run in listed:  # where the data lies is another matter
        run["params"].pop("data.path", None)
    shows = told(capsys, "show", "best:s")
    assert command_line.main(["report", "s", "--to", str(folder)]) == 0
    return {
        "runs": listed,
        "trials": told(capsys, "runs", "--study", "s"),
        "best": re.sub(r"(imported |data\.path ).*\n", "", shows),
        "result": _ID.sub("ID", (folder / "RESULTS.md").read_text()),
    }


def test_a_study_goes_on_where_it_is_taken(
    lab: Lab, far: Path, home: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(lab.pictures, far / "pictures")
    monkeypatch.setenv("FERLAB_HOME", str(lab.home))
    before = shown(capsys, far / "before")
    monkeypatch.setenv("FERLAB_HOME", str(home))
    out = told(capsys, "import", str(lab.bundle), "data.path=pictures")
    assert "study    s, 8 runs" in out  # its own, of 2 trials, of 4 seeds, of an ensemble
    assert "go on    ferlab train -m" in out
    assert str(lab.pictures) not in out
    after = shown(capsys, far / "after")
    for what in before:
        assert after[what] == before[what], what

    (best,) = (line for line in told(capsys, "show", "best:s").splitlines() if "imported " in line)
    assert "of study.zip (ID), imported 2" in best
    parent = next(store.runs_with(store.connect(None), {"ferlab.kind": "study"}))
    assert (
        f"/runs/{parent.data.tags['ferlab.best_run']}?" in parent.data.tags["mlflow.note.content"]
    )
    views = kept_views(store.connect(None), parent.info.run_id)
    assert [name for name, _ in views.values()] == ["s", "s, each seed"]
    assert parent.info.run_id in views[""][1]
    seed = next(store.runs_with(store.connect(None), {"ferlab.replicate": "1"})).info.run_id
    assert "identical" in told(capsys, "reproduce", seed, "--strict")
    assert "result" in told(capsys, "diff", seed, "best:s")
    for command in ("evaluate", "explain", "predict"):
        error = refused(capsys, command, seed, *(["face.png"] if command == "predict" else []))
        assert f"run {seed} was imported without its model; ferlab reproduce {seed}" in error

    sweep = [text for text in lab.sweep if not text.startswith("data.path")]
    assert command_line.main([*sweep, "data.path=pictures", "study.trials=3"]) == 0
    assert "s: 3 of 3 trials count (3 complete, 0 pruned); 0 failed" in capsys.readouterr().out
    assert kept_views(store.connect(None), parent.info.run_id) == views  # as a sweep writes them
    first, second, third = trials(home, "s")
    for trial, old in zip((first, second), trials(lab.home, "s"), strict=True):
        for name in ("state", "values", "params", "distributions", "intermediate_values"):
            assert getattr(trial, name) == getattr(old, name)
        assert (trial.datetime_start, trial.duration) == (old.datetime_start, old.duration)
        assert trial.system_attrs == old.system_attrs
    assert third.params not in (first.params, second.params)


def test_a_bundle_tells_of_no_folder_and_has_no_weights(
    there: Lab, tmp_path: Path, capsys: Out
) -> None:
    again = tmp_path / "again.zip"
    study = next(store.runs_with(store.connect(None), {"ferlab.kind": "study"})).info.run_id
    out = told(capsys, "export", study, str(again))
    assert "s, 8 runs" in out
    assert "lost " not in out
    assert again.read_bytes() == there.bundle.read_bytes()  # the same study, the same bytes
    with zipfile.ZipFile(again) as packed:
        for name in packed.namelist():
            content = packed.read(name)
            for word in (there.home.parent.name, socket.gethostname() + ":", str(Path.home())):
                assert word.encode() not in content, name
            assert b"safetensors" not in content[:200]
    error = refused(capsys, "export", "s", str(again))
    assert f"{again} is there already" in error
    assert "it has a whole study in it, which ferlab import takes" in refused(
        capsys, "reproduce", str(again)
    )


def test_what_a_store_has_lost_is_told(there: Lab, tmp_path: Path, capsys: Out) -> None:
    seed = next(store.runs_with(store.connect(None), {"ferlab.replicate": "1"}))
    path = there.home / "artifacts" / seed.info.run_id / "artifacts" / "predictions" / "val.csv"
    aside = path.rename(tmp_path / "val.csv")
    try:
        assert command_line.main(["export", "s", str(tmp_path / "poor.zip")]) == 0
    finally:
        aside.rename(path)
    lost = [line for line in capsys.readouterr().out.splitlines() if line.startswith("lost ")]
    what = f"predictions/val.csv of run {seed.info.run_id}: without it the run cannot be reproduced"
    assert lost == [f"lost     {what} there"]


def test_models_are_taken_if_asked_for(
    there: Lab, far: Path, home: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = far / "whole.zip"
    assert "models   none" not in told(capsys, "export", "s", str(bundle), "--models")
    before = told(capsys, "evaluate", "best:s")
    monkeypatch.setenv("FERLAB_HOME", str(home))
    told(capsys, "import", str(bundle), f"data.path={there.pictures}", "data.soft_labels=soft.csv")
    assert told(capsys, "evaluate", "best:s") == before
    params = [run.data.params for run in store.runs_with(store.connect(None), {})]
    assert {each.get("data.soft_labels", "None") for each in params} == {"None"}  # it had none
    ensemble = next(store.runs_with(store.connect(None), {"ferlab.kind": "ensemble"}))
    assert "identical" in told(capsys, "reproduce", ensemble.info.run_id)


def test_a_name_that_is_taken_is_refused_and_nothing_written(
    lab: Lab, far: Path, home: Path, ids: Ids, capsys: Out
) -> None:
    told(capsys, "import", str(lab.bundle))
    before, files = ids(), sorted(home.rglob("*"))
    error = refused(capsys, "import", str(lab.bundle))
    assert "there is a study 's' here already, so nothing was imported" in error
    database = f"sqlite:///{far}/studies.db"
    error = refused(capsys, "import", str(lab.bundle), "--storage", database)
    assert "has another study 's', begun elsewhere" in error
    assert ids() == before
    assert sorted(home.rglob("*")) == files
    assert "only data.path, data.ferplus, data.ferplus_names" in refused(
        capsys, "import", str(lab.bundle), "seed=3"
    )


def test_a_study_on_which_somebody_works_stays(
    lab: Lab, far: Path, home: Path, tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(home)
    shutil.copytree(lab.home, home)  # it was moved, with all that it has
    bundle = tmp_path / "study.zip"
    study = studies.open_study("s", None)
    with Liveness(study, at_home=True).at_work() as worker:
        attrs = {"worker": worker, "params": {"optimizer.lr": 0.1}}
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))
        error = refused(capsys, "export", "s", str(bundle))
        assert "trial 2 of the study 's' is being trained" in error
        assert not bundle.exists()
    told(capsys, "export", "s", str(bundle))  # its worker is gone
    monkeypatch.setenv("FERLAB_HOME", str(tmp_path / "third"))
    told(capsys, "import", str(bundle))
    *states, left = trials(tmp_path / "third", "s")
    assert [trial.state for trial in states] == 2 * [TrialState.COMPLETE]
    assert left.state == TrialState.FAIL
    assert left.user_attrs["withdrawn"]  # so another takes its place in the budget
    assert len(studies.view(studies.open_study("s", None)).complete) == 2


def test_a_database_keeps_a_study_as_well(lab: Lab, far: Path, home: Path, capsys: Out) -> None:
    database = f"sqlite:///{far}/studies.db"
    out = told(capsys, "import", str(lab.bundle), "--storage", database)
    assert f"study.storage={database}" in out
    assert not (home / "studies").exists()
    there = portable.carried_study(studies.open_study("s", database))
    before = portable.carried_study(_study(lab.home))
    for old, new in zip(before.trials, there.trials, strict=True):
        assert new.model_copy(update={"user_attrs": old.user_attrs}) == old
    bundle = far / "again.zip"
    told(capsys, "export", "s", str(bundle), "--storage", database)


def _study(home: Path) -> optuna.Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERLAB_HOME", str(home))
        return studies.open_study("s", None)
