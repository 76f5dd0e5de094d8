"""Reproduction on other data, in another clone, at another commit."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab import cli as command_line
from ferlab import paths
from ferlab.config.compose import compose
from ferlab.training.run import train
from tests.processes import started
from tests.reproduce.conftest import FAST, Clone
from tests.reproduce.runs import Out, client, reruns, write_tree

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["train/happy/Training_3.png", "test/happy/PublicTest_3.png"])
def test_one_altered_pixel_is_named_and_the_verdict_is_different(
    name: str, original: str, tmp_path: Path, capsys: Out
) -> None:
    del original  # only its store is wanted
    folder = tmp_path / "fer"
    write_tree(folder)
    config = [*FAST[1:-2], "data=fer2013", f"data.path={folder}", "trainer.max_epochs=2"]
    run_id = train(compose(config)).run_id
    picture = folder / name
    grey = np.asarray(Image.open(picture)).copy()
    grey[24, 24] ^= 128
    Image.fromarray(grey).save(picture)
    capsys.readouterr()
    assert command_line.main(["reproduce", run_id]) == 1
    out = capsys.readouterr().out
    changed = f"of 28 images 1 with other pixels ({name})"
    assert f"data     {changed}  changes the numbers" in out
    assert "verdict  different: parted at epoch 1: " in out
    assert f"what is computed differs: data: {changed}" in out

    assert command_line.main(["evaluate", run_id]) == 1  # the model would meet another split
    assert f"the data of run {run_id} has changed: {changed}" in capsys.readouterr().err
    shutil.rmtree(folder)
    for command in ("reproduce", "evaluate"):
        assert command_line.main([command, run_id]) == 1
        error = capsys.readouterr().err
        assert f"data.path={folder} cannot be found" in error
        assert error.count("\n") == 1


def test_a_bundle_reproduces_in_another_clone_and_a_changed_line_of_code_is_named(
    original: str, clone: Path, in_clone: Clone, tmp_path: Path, capsys: Out
) -> None:
    bundle = tmp_path / "run.zip"
    assert command_line.main(["export", original, str(bundle)]) == 0
    done = in_clone("reproduce", str(bundle), "--strict")
    assert done.returncode == 0, done.stderr
    assert "verdict  identical: 2 epochs and all 13 images" in done.stdout
    assert (tmp_path / "another home" / "mlflow.db").exists()

    network = clone / "ferlab" / "models" / "cnn.py"
    code = network.read_text()
    assert code.count("nn.ReLU(") > 0
    network.write_text(code.replace("nn.ReLU(", "nn.ReLU6(", 1).replace("nn.ReLU(", "nn.SiLU("))
    done = in_clone("reproduce", str(bundle))
    assert done.returncode == 1
    assert "ferlab/models/cnn.py: changed" in done.stdout
    assert "what is computed differs: code: ferlab/models/cnn.py: changed" in done.stdout


def test_at_its_commit_a_run_is_reproduced_though_the_code_has_changed(
    clone: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setattr(paths, "shipped", lambda: clone)
    defaults = clone / "conf" / "optimizer" / "sgd.yaml"
    defaults.write_text(defaults.read_text() + "# not committed when the run was trained\n")
    (clone / "note.txt").write_text("nor tracked")
    run_id = train(compose(FAST)).run_id
    changed = "# and after the run\n" + defaults.read_text()
    defaults.write_text(changed)
    shutil.rmtree(clone / "ferlab" / "models")  # what stands there now could not train
    capsys.readouterr()
    assert command_line.main(["reproduce", run_id, "--at-commit", "--strict"]) == 0
    out = capsys.readouterr().out
    assert "note     files that were not tracked are missing: note.txt" in out
    assert "verdict  identical" in out
    assert defaults.read_text() == changed
    assert not (clone / "ferlab" / "models").exists()
    assert not list(home.glob("at-commit-*"))
    assert not list((clone / ".git" / "worktrees").glob("*"))
    (again,) = reruns(run_id)
    first = client().get_run(run_id).data.tags
    assert again.data.tags["mlflow.source.git.commit"] == first["mlflow.source.git.commit"]

    (recorded,) = (home / "artifacts").glob(f"**/{run_id}/**/config.yaml")
    recorded.write_text(recorded.read_text() + "shape: square\n")  # as of an older ferlab
    assert command_line.main(["reproduce", run_id]) == 1
    assert "shape: unknown key" in capsys.readouterr().err
    assert command_line.main(["reproduce", run_id, "--at-commit", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "note     the data is compared afterwards, for the recorded config does not fit" in out

    client().set_tag(run_id, "mlflow.source.git.commit", "0" * 40)
    assert command_line.main(["reproduce", run_id, "--at-commit"]) == 1
    error = capsys.readouterr().err
    assert f"commit {'0' * 40} is not in the checkout of {clone}" in error

    client().set_tag(run_id, "ferlab.imported", "run 0123 of study.zip")
    assert command_line.main(["reproduce", run_id, "--at-commit"]) == 1
    assert "no code that comes in a bundle is run" in capsys.readouterr().err


def test_at_its_commit_a_run_waits_for_a_store_that_is_away(
    clone: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "shipped", lambda: clone)
    run_id = train(compose([*FAST, "trainer.max_epochs=20"])).run_id
    command = [sys.executable, "-P", "-m", "ferlab", "reproduce", run_id, "--at-commit"]
    with (
        closing(sqlite3.connect(home / "mlflow.db", isolation_level=None)) as other,
        started(command, {"PYTHONPATH": str(clone)}, cwd=clone.parent) as rerun,
    ):
        rerun.until(lambda: list((home / "work").glob("*/last.ckpt")))
        other.execute("BEGIN EXCLUSIVE")
        rerun.until(lambda: "waits    " in rerun.told())
        other.execute("ROLLBACK")
        assert rerun.finish() == 0, rerun.told()
        told = rerun.told()
    assert "database is locked" in told
    assert "verdict  identical" in told
    assert list((home / "work").iterdir()) == []
