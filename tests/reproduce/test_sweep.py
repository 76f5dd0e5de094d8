"""Runs drawn from a sweep, whatever happened to them on the way, reproduce to the last bit."""

import random
import sys
from pathlib import Path

import pytest
from mlflow.entities import Run

from ferlab import cli as command_line
from ferlab.tracking import store
from tests.processes import started
from tests.reproduce.conftest import FAST

pytestmark = pytest.mark.slow

Out = pytest.CaptureFixture[str]

SPACE = (
    *(*FAST, "trainer.max_epochs=3", "study.name=ten", "study.trials=10", "hydra/launcher=basic"),
    *("study/pruner=halving", "study.pruner.min_resource=1"),
    *("optimizer.lr=0.02,0.1,0.5", "model.attention.kind=none,se", "seed=range(0,9)"),
)


def children(study: str) -> list[Run]:
    where = f"tags.`ferlab.study` = '{study}'"
    found = store.connect(None).search_runs(["1"], where, order_by=["start_time ASC"])
    return [run for run in found if "ferlab.trial" in run.data.tags]


def kill_in_the_middle_of_a_run(home: Path, folder: Path) -> str:
    """Start the sweep and SIGKILL it once a run has a checkpoint; returns that run's id."""
    command = [sys.executable, "-m", "ferlab", "train", "-m", *SPACE]
    begun: list[Path] = []
    with started(command, cwd=folder) as sweep:
        sweep.until(lambda: begun.extend((home / "work").glob("*/last.ckpt")) or begun)
    return begun[0].parent.name


def test_ten_of_ten_runs_of_a_sweep_are_identical(home: Path, tmp_path: Path, capsys: Out) -> None:
    """The trials were pruned and resumed, killed and resumed, or left alone."""
    killed = kill_in_the_middle_of_a_run(home, tmp_path)
    assert command_line.main(["train", "-m", *SPACE]) == 0
    trials = children("ten")
    assert len(trials) == 10
    assert killed in {run.info.run_id for run in trials}
    pruned = [run.info.run_id for run in trials if run.data.tags["ferlab.ended"] == "pruned"]
    assert pruned
    assert command_line.main(["reproduce", pruned[0]]) == 1  # it has no result
    assert "not finished but pruned (at epoch " in capsys.readouterr().err
    for run_id in pruned:
        assert command_line.main(["train", "--resume", run_id]) == 0

    chance = random.Random()
    for run in chance.sample(trials, 10):
        assert command_line.main(["reproduce", run.info.run_id, "--strict"]) == 0
        assert "verdict  identical: 3 epochs and all 13 images" in capsys.readouterr().out


def test_a_trial_of_several_seeds_reproduces_them_all(
    home: Path, tmp_path: Path, capsys: Out
) -> None:
    settings = ("study.name=seeds", "study.replicates=3", "hydra/launcher=basic")
    assert command_line.main(["train", "-m", *FAST, *settings, "optimizer.lr=0.05,1e30"]) == 0
    capsys.readouterr()
    assert command_line.main(["reproduce", "best:seeds", "--strict"]) == 0
    out = capsys.readouterr().out
    assert out.count("verdict  identical: 2 epochs") == 3
    assert "recorded, " in out
    assert "verdict  identical, over 3 seeds" in out

    again = command_line.main(["reproduce", "best:seeds", "trainer.threads=2", "--margin", "90"])
    verdict = capsys.readouterr().out.splitlines()[-1].removeprefix("verdict  ")
    level = verdict.partition(",")[0]
    assert again == (level == "undetermined")
    if level != "identical":  # by luck
        assert verdict.startswith(f"{level}, over 3 seeds: mean accuracy ")
        assert ", inside ±90" in verdict
    newest, *_ = store.connect(None).search_runs(["1"], order_by=["start_time DESC"])
    assert newest.data.tags["ferlab.verdict.seeds"] == verdict
    assert command_line.main(["show", newest.info.run_id]) == 0
    assert f"over seeds  {verdict}" in capsys.readouterr().out

    assert command_line.main(["export", "best:seeds", str(tmp_path / "seeds.zip")]) == 0
    assert command_line.main(["reproduce", str(tmp_path / "seeds.zip"), "--dry-run"]) == 0
    assert "3 seeds, of which the first is run" in capsys.readouterr().out
    assert command_line.main(["evaluate", "best:seeds"]) == 0
    assert "(mean and 95 % interval of 3 seeds)" in capsys.readouterr().out
    assert command_line.main(["runs", "--study", "seeds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if " finished" in line]
    assert " ± " in row
    assert command_line.main(["show", "best:seeds"]) == 0
    shown = capsys.readouterr().out
    assert "(mean and 95 % interval of 3 seeds)" in shown
    assert "seed's run" in shown
