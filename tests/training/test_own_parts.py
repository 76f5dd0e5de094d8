"""A user's own network and data, without a change to ferlab."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FrozenTrial

from ferlab.data.imageset import ImageSet
from tests import warm
from tests.conftest import Cli, run_id_of
from tests.sweep.test_sweep import trials
from tests.training.runs import client, kill_after_epoch

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store")]

OWN = """
import numpy as np
import torch
from ferlab.data.imageset import ImageSet

class Net(torch.nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(48 * 48, width), torch.nn.ReLU(),
            torch.nn.Linear(width, classes))

    def forward(self, images):
        return self.layers(images)

def stripes(images):
    rng = np.random.default_rng(0)
    labels = np.arange(images) % 2
    grey = rng.integers(0, 120, (images, 48, 48), dtype=np.uint8)
    grey[labels == 1, ::2] += 100
    split = np.repeat([0, 1], [images - images // 4, images // 4])
    return ImageSet.of(grey, labels, split, [f"s{i}" for i in range(images)], ("plain", "striped"))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "data").mkdir()
    (folder / "own_parts.py").write_text(OWN)
    (folder / "conf/model/own.yaml").write_text(
        "_target_: own_parts.Net\nname: own\nclasses: 2\nwidth: 16\n"
    )
    (folder / "conf/data/own.yaml").write_text(
        "_target_: own_parts.stripes\nname: stripes\nimages: 96\nsplit: official\nfolds: 5\n"
        "fold: 0\ndrop_leaks: null\nsoft_labels: null\nsoft_share: 1.0\nnormalize: standard\n"
    )
    monkeypatch.chdir(folder)
    return folder


def test_a_users_own_model_and_data_plug_in_without_touching_ferlab(own: Path, cli: Cli) -> None:
    overrides = ["model=own", "data=own", "trainer.max_epochs=2", "trainer.batch_size=16"]
    done = cli("train", *overrides)
    assert done.returncode == 0, done.stderr
    recorded = client().get_run(run_id_of(done.stdout))
    assert recorded.info.run_name == "own, stripes, seed 0"
    assert recorded.data.params["model.width"] == "16"

    too_many = cli("train", *overrides, "model.classes=3")
    assert too_many.returncode == 1
    assert too_many.stderr == (
        "ferlab: config: model.classes: 3, but the data has 2 classes (plain, striped)\n"
    )
    assert len(client().search_runs(["1"])) == 1  # no run was created

    fitting = cli("train", *overrides, "model=tiny", "trainer.max_epochs=1")
    assert fitting.returncode == 0, fitting.stderr
    of_tiny = client().get_run(run_id_of(fitting.stdout)).data.params
    assert of_tiny["model.classes"] == "2"  # as many as the data has

    wrong = cli("train", *overrides, "model.depth=3")
    assert "'own_parts.Net' cannot be called as configured" in wrong.stderr
    assert len(client().search_runs(["1"])) == 2  # nor now


def test_a_config_that_comes_from_a_run_calls_nothing_that_is_not_allowed(
    own: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = kill_after_epoch(1, ["model=own", "data=own", "trainer.max_epochs=3"])
    refused = cli("train", "--resume", run_id)
    assert refused.returncode == 1
    assert "the config wants to call 'own_parts.stripes', which is not part of ferlab" in (
        refused.stderr
    )
    allowed = cli("train", "--resume", run_id, FERLAB_ALLOW="own_parts")
    assert allowed.returncode == 0, allowed.stderr


def test_a_trial_that_was_left_begins_anew_where_its_part_was_changed(
    own: Path, home: Path
) -> None:
    parts = ["model=own", "data=own", "trainer.max_epochs=30", "trainer.threads=1"]
    command = ["train", "-m", *parts, "study.name=s", "study.workers=1", "seed=0,1"]
    with warm.started(command) as sweep:
        sweep.until(lambda: any(trial.intermediate_values for trial in begun(home)))
        os.kill(sweep.pid, signal.SIGINT)
        assert sweep.finish() == 130, sweep.told()
    (left,) = begun(home)
    assert left.state.name == "RUNNING"
    (own / "own_parts.py").write_text(OWN.replace("ReLU", "GELU"))
    done = warm.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "what was left begins anew: trial 0 after " in done.stderr
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed" in done.stdout


def begun(home: Path) -> list[FrozenTrial]:
    """The trials of the sweep so far."""
    with suppress(KeyError):  # no study yet
        return trials(home, "s") if (home / "studies" / "s.log").exists() else []
    return []


def test_a_target_that_returns_something_else_is_refused(own: Path, cli: Cli) -> None:
    done = cli("train", "model=own", "data=own", "data._target_=builtins.dict")
    assert done.returncode == 1
    assert "'builtins.dict' returned dict, not an ImageSet" in done.stderr


def test_image_sets_of_another_shape_are_refused() -> None:
    from ferlab.errors import DataError

    with pytest.raises(DataError, match="images must be uint8 of shape"):
        ImageSet.of(np.zeros((2, 40, 40), np.uint8), np.zeros(2), np.zeros(2), ["a", "b"])
