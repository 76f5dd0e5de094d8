"""Sweeps from outside: what a command leaves in Optuna and MLflow, and what no kill can change."""

import json
import re
from pathlib import Path

import optuna
import pytest
import yaml
from mlflow.entities import Run
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import ferlab.sweep.workers.replicate as replicate_module
from ferlab import cli as command_line
from ferlab.errors import RunEnded
from ferlab.sweep import sweeper
from ferlab.tracking import store
from ferlab.training.run import train
from tests.conftest import TINY
from tests.reproduce.runs import write_tree

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

FAST = [*TINY, "data.images=140", "trainer.max_epochs=2"]
HERE = "hydra/launcher=basic"
"""One worker in this very process, for a test to be quick."""


def sweep(*arguments: str) -> int:
    return command_line.main(["train", "-m", *FAST, *arguments])


def cli_report(study: str, folder: Path) -> int:
    return command_line.main(["report", study, "--to", str(folder)])


def runs(**tags: str) -> list[Run]:
    client = store.connect(None)
    where = " and ".join(f"tags.`ferlab.{key}` = '{value}'" for key, value in tags.items())
    ids = [e.experiment_id for e in client.search_experiments()]
    return list(client.search_runs(ids, where, order_by=["start_time ASC"]))


def children(study: str) -> list[Run]:
    return [run for run in runs(study=study) if "ferlab.trial" in run.data.tags]


def trials(home: Path, study: str) -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(home / "studies" / f"{study}.log")))
    return optuna.load_study(study_name=study, storage=storage).trials


def test_values_on_the_command_line_are_a_grid_that_is_trained_once(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    arguments = (HERE, "study.name=g", "model.attention.kind=none,se", "optimizer.lr=0.05,0.1")
    assert sweep(*arguments) == 0
    assert "g: 4 of 4 trials count (4 complete, 0 pruned); 0 failed" in capsys.readouterr().out
    (parent,) = runs(study="g", kind="study")
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["trials/complete"] == 4

    done = children("g")
    assert [run.data.tags["ferlab.trial"] for run in done] == ["0", "1", "2", "3"]
    assert done[2].info.run_name == "se r8 @all conv, lr 0.05"
    for run, trial in zip(done, trials(home, "g"), strict=True):
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert trial.user_attrs["run_id"] == run.info.run_id
        assert trial.value == run.data.metrics["best/accuracy"]
        assert run.data.params["optimizer.lr"] == str(trial.params["optimizer.lr"])

    note = parent.data.tags["mlflow.note.content"]
    assert f"/runs/{parent.data.tags['ferlab.best_run']}" in note  # a link
    kept = {file.path for file in store.connect(None).list_artifacts(parent.info.run_id)}
    assert {"study.yaml", "RESULTS.md", "report.html", "history.svg", "curves.svg"} <= kept
    assert cli_report("g", tmp_path) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert "Of 4 trials, 4 are done: 4 complete and 0 pruned." in text
    assert "ferlab train -m" in text
    assert (tmp_path / "history.svg").read_text().startswith("<?xml")

    caplog.clear()
    assert sweep(*arguments) == 0  # the same command: nothing is left to train
    assert "all is trained; --new begins another study" in caplog.text
    assert len(children("g")) == 4
    best = max(done, key=lambda run: run.data.metrics["best/accuracy"])
    assert parent.data.tags["ferlab.best_run"] == best.info.run_id


def test_an_experiment_is_swept_as_its_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(
        "# @package _global_\n"
        "study: {trials: 3, question: does it work}\n"
        "hydra: {sweeper: {params: {optimizer.lr: 'tag(log, interval(0.01, 0.2))',\n"
        "  model.attention.kind: 'choice(none, se)', model.attention.reduction: 'choice(2, 4)'},\n"
        "  when: {model.attention.reduction: {model.attention.kind: se}}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["sweep", "experiments/mine.yaml", *FAST, HERE]) == 0
    points = [json.dumps(t.params) for t in trials(tmp_path / "home", "mine")]
    assert len(set(points)) == 3
    assert all(("reduction" in params) == ('"se"' in params) for params in points)
    assert command_line.main(["sweep", "--new", "mine", *FAST, HERE, "study.trials=1"]) == 0
    assert len(children("mine-2")) == 1
    assert cli_report("mine-2", tmp_path) == 0  # says how to go on with this one
    assert re.search(r"^    ferlab sweep mine .* study\.name=mine-2$",
                     (tmp_path / "RESULTS.md").read_text(), re.MULTILINE)  # fmt: skip
    (parent,) = runs(study="mine", kind="study")
    assert parent.data.tags["mlflow.note.content"].startswith("does it work\n")


def test_another_space_or_config_is_refused_with_the_difference_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweep(HERE, "study.name=d", "study.trials=1", "optimizer.lr=0.05,0.1") == 0
    monkeypatch.setattr(sweeper, "may_be_long", lambda *_: True)
    monkeypatch.setattr(sweeper, "foresee", lambda *_: pytest.fail("measured"))
    changed = (HERE, "study.name=d", "trainer.batch_size=32", "optimizer.lr=0.05,0.2")
    assert sweep(*changed) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "the study 'd' was begun with something else" in message
    assert "trainer.batch_size: 64 -> 32" in message
    assert "choices=(0.05, 0.1)) -> CategoricalDistribution(choices=(0.05, 0.2))" in message
    assert len(children("d")) == 1


def test_the_space_that_was_typed_is_in_the_command_that_goes_on(tmp_path: Path) -> None:
    typed = "hydra.sweeper.params.optimizer.lr='choice(0.05,0.1)'"
    assert sweep(HERE, "study.name=t", "study.trials=1", f"+{typed}") == 0
    assert cli_report("t", tmp_path) == 0
    assert "hydra.sweeper.params.optimizer.lr=" in (tmp_path / "RESULTS.md").read_text()


def test_a_study_goes_on_where_its_data_was_moved_but_not_on_other_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write_tree(here)
    fer = [*TINY[1:], "trainer.max_epochs=1", "data=fer2013", "study.name=v", "seed=0,1", HERE]
    swept = ["train", "-m", *fer]
    assert command_line.main([*swept, f"data.path={here}", "study.trials=1"]) == 0
    here.rename(there)
    assert command_line.main([*swept, f"data.path={there}", "study.trials=2"]) == 0
    assert len(children("v")) == 2
    next(there.rglob("*.png")).unlink()
    assert command_line.main([*swept, f"data.path={there}", "study.trials=3"]) == 1
    assert "begun with something else (data: " in capsys.readouterr().err


def test_a_pruned_trial_is_killed_counts_and_says_against_what(home: Path) -> None:
    pruner = ("study/pruner=halving", "study.pruner.min_resource=1")
    arguments = (HERE, "study.name=p", "trainer.max_epochs=4", "seed=0,1,2,3", *pruner)
    assert sweep(*arguments) == 0
    pruned = [run for run in children("p") if run.data.tags["ferlab.ended"] == "pruned"]
    assert pruned
    for run in pruned:
        assert run.info.status == "KILLED"
        assert run.data.tags["ferlab.why"].startswith("at epoch ")
        assert "; median at that epoch " in run.data.tags["ferlab.why"]
        number = int(run.data.tags["ferlab.trial"])
        history = store.connect(None).get_metric_history(run.info.run_id, "val/accuracy")
        reported = trials(home, "p")[number].intermediate_values
        assert {metric.step: metric.value for metric in history} == reported
        assert len(history) < 4
    assert len(children("p")) == 4
    assert list((home / "work").iterdir()) == []


def test_a_failure_is_recorded_and_the_sweep_goes_on(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(HERE, "study.name=f", "optimizer.lr=1e30,0.1") == 0
    assert "1 of 2 trials count (1 complete, 0 pruned); 1 failed" in capsys.readouterr().out
    failed, complete = children("f")
    assert failed.info.status == "FAILED"
    assert failed.data.tags["ferlab.ended"] == "diverged"
    assert complete.info.status == "FINISHED"
    assert "the loss became" in trials(home, "f")[0].user_attrs["why"]
    failing = (HERE, "study.name=f2", "study.max_failures=1", "optimizer.lr=1e29,1e30,1e31,0.1")
    assert sweep(*failing) == 1
    assert len(children("f2")) == 2


def test_a_failure_by_chance_is_retried(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    calls = []

    def unlucky(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise RunEnded("out of memory", "some-run", "out-of-memory")
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(replicate_module, "train", unlucky)
    assert sweep(HERE, "study.name=r", "seed=0,1") == 0
    first, second = trials(home, "r")
    assert (first.user_attrs["attempts"], second.user_attrs["attempts"]) == ([1], [0])
    assert len(calls) == 3
    (parent,) = runs(study="r", kind="study")
    assert parent.data.metrics["trials/retried"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optimizer.lrr=1,2"], "optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["optimizer.lr=0.1", "seed=1"], "nothing is swept"),
        (["optimizer.lr=interval(0.1,0.2)"], "study.trials: is required"),
        (["seed=0,1", "study.objective=test/f1"], "a test metric would choose a model"),
        (["seed=0,1", "study.nmae=x"], "study.nmae: unknown key; did you mean 'name'?"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_created(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(HERE, *arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (home / "studies").exists()


def test_a_report_on_no_study_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli_report("no-such", tmp_path / "to") == 1
    assert "there is no study 'no-such'; none was begun there" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_the_shipped_quickstart_is_a_sweep_of_its_own_budget() -> None:
    from ferlab import paths

    quickstart = yaml.safe_load((paths.shipped() / "experiments" / "quickstart.yaml").read_text())
    assert quickstart["study"]["question"].endswith("?")
    assert quickstart["study"]["trials"] == 12
