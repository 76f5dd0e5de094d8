"""Sweeps that cannot work: one clear line, before anything is created, and nothing burned."""

from pathlib import Path

import pytest
from optuna.pruners import MedianPruner, PatientPruner

from ferlab import cli as command_line
from ferlab.config.study import Constraints
from ferlab.errors import ConfigError, TrackingError
from ferlab.sweep import plan, studies
from ferlab.sweep.search.components import build_pruner, build_sampler
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers.storage import open_storage
from ferlab.tracking import store
from ferlab.tracking.study_runs import StudyKey, StudyRun
from tests.conftest import TINY
from tests.sweep.test_study import settings
from tests.sweep.test_sweep import FAST, HERE, children, cli_report, runs, sweep

LRS = "optimizer.lr=0.05,0.1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study.sampler.n_startup_trails=5", "study.trials=2"], "study.sampler: "),
        (["study.sampler._target_=optuna.samplers.TPESmapler", "study.trials=2"], "TPESmapler"),
        (["study.pruner.n_startup_trials=-1"], "study.pruner: "),
        (
            ["study.baseline={optimizer.lr:0.1}", "study.constraints.parameters=3"],
            "study.baseline: costs more than study.constraints allow",
        ),
        (["study.constraints.parameters=3", "study.trials=2"], "no point of the space meets them"),
        (["data=fer2013", "data.path=/nowhere/a.zip"], "/nowhere/a.zip cannot be found"),
    ],
)
def test_it_is_told_before_anything_is_created(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = TINY if "data=fer2013" not in arguments else TINY[1:]
    assert command_line.main(["train", "-m", *faces, HERE, LRS, *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("ferlab: ")
    assert error.count("\n") == 1
    assert not home.exists()


def test_a_setting_that_the_launcher_does_not_take_is_told_before_anything_is_created(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["train", "-m", *TINY, LRS, "hydra.launcher.n_jobs=2"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ferlab: hydra.launcher: ")
    assert error.endswith("takes no arguments; hydra/launcher=NAME chooses another\n")
    assert error.count("\n") == 1
    assert not (home / "studies").exists()


def test_a_sampler_that_an_experiment_names_as_a_value_is_told_where_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(
        "# @package _global_\nstudy: {sampler: random}\n"
        "hydra: {sweeper: {params: {optimizer.lr: 'choice(0.05, 0.1)'}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["sweep", "mine", *FAST, HERE]) == 1
    error = capsys.readouterr().err
    assert "study.sampler: is a group; an experiment says in its defaults: " in error
    assert "override /study/sampler: random" in error


def test_an_experiment_that_is_not_global_is_told_before_its_sweep_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(
        "hydra: {sweeper: {params: {optimizer.lr: 'choice(0.05, 0.1)'}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["sweep", "mine", "--confirm", *FAST, HERE]) == 1
    error = capsys.readouterr().err
    assert "experiments/mine.yaml: its first line must be '# @package _global_'" in error
    assert error.count("\n") == 1


def test_a_pruner_may_hold_another() -> None:
    inner = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 3}
    outer = {"_target_": "optuna.pruners.PatientPruner", "patience": 1, "wrapped_pruner": inner}
    pruner = build_pruner(settings(pruner=outer).pruner)
    assert isinstance(pruner, PatientPruner)
    assert isinstance(pruner._wrapped_pruner, MedianPruner)


def test_optunas_grid_is_refused_for_ferlabs() -> None:
    grid = {"_target_": "optuna.samplers.GridSampler", "search_space": {"a": [1]}}
    with pytest.raises(ConfigError, match="a grid is trained with"):
        build_sampler(settings(trials=3, sampler=grid).sampler, 0)


def test_a_confirmation_without_a_baseline_is_refused_before_the_search(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["sweep", "quickstart", "--confirm", "study.baseline=null"]) == 1
    assert "study.baseline: is required" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_sweep_in_which_every_trial_fails_has_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sweep(HERE, "study.name=f", "optimizer.lr=1e29,1e30") == 1
    assert "stopped  too many trials failed" in capsys.readouterr().out
    (parent,) = runs(study="f", kind="study")
    assert parent.info.status == "FAILED"


@pytest.mark.slow
def test_a_point_that_has_no_network_fails_by_itself_under_constraints() -> None:
    is_feasible = Feasibility(
        Constraints(parameters=10**9, multiply_adds=None), ComposedConfigs(TINY)
    )
    assert is_feasible({"model.attention.kind": "se", "model.attention.reduction": 999})


def test_a_study_that_never_began_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_storage(None, "empty")
    with pytest.raises(TrackingError, match="'empty' has not begun"):
        studies.open_study("empty", None)
    from tests.confirm.test_choice import study

    study("half", {}, frame=False)
    assert cli_report("half", tmp_path / "to") == 1
    assert "the study 'half' has not begun" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_an_experiment_may_lie_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "experiments" / "mine").mkdir(parents=True)
    (tmp_path / "experiments" / "mine" / "rates.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {params: {optimizer.lr: 'choice(0.05)'}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["sweep", "mine/rates", *FAST, HERE]) == 0
    assert len(children("mine-rates")) == 1


@pytest.mark.usefixtures("made_store")
def test_of_two_first_commands_both_go_by_the_eldest_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from ferlab.tracking import study_runs as tracking

    client = store.connect(None)
    key = StudyKey("s", "1")
    first = StudyRun.open(client, "ferlab", key, {})
    real, asked = tracking.find_run, []

    def late(*arguments: object, **named: object) -> object:
        asked.append(arguments)  # when it looked, the other had not made its run
        return None if len(asked) == 1 else real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(tracking, "find_run", late)
    assert StudyRun.open(client, "ferlab", key, {}).id == first.id
    assert len(runs(study="s", kind="study")) == 1


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("data.path=/home/me/archive.zip", "data.path=archive.zip"),
        ("data.path='/home/me/my archive.zip'", "data.path='my archive.zip'"),
        ("data.soft_labels=null,/home/me/soft.csv", "data.soft_labels=null,soft.csv"),
        ("data.soft_labels='/a, b/x 1.csv',y/z.csv", "data.soft_labels='x 1.csv',z.csv"),
        ("study.storage=postgresql://me:secret@db/x", "study.storage=postgresql://me:***@db/x"),
        (
            "study.storage='postgresql://me:secret@db/x?a=b'",
            "study.storage='postgresql://me:***@db/x?a=b'",
        ),
    ],
)
def test_what_goes_on_with_a_study_may_be_shown_to_anyone(typed: str, shown: str) -> None:
    assert plan.shown(typed, here=False) == shown
