"""One run from outside: what it comes to, what it records, how it goes on after an end."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
import torch
import yaml
from mlflow.tracking import MlflowClient

from ferlab import paths
from ferlab.config import compose
from ferlab.data.imageset import EXPRESSIONS, ImageSet
from ferlab.errors import ConfigError, RunEnded, TrackingError
from ferlab.tracking import store
from ferlab.tracking.run import Run
from ferlab.training.run import RunResult, resume, train
from tests.conftest import TINY, Cli, run_id_of

SCHEDULES = (
    ["scheduler=one_cycle"],
    ["scheduler=plateau", "scheduler.patience=0"],
    ["optimizer=adamw", "scheduler=cosine", "model.stages.2.dropout=0.3"],
)


def client() -> MlflowClient:
    return store.connect(None)


def artifact(run_id: str, path: str) -> Path:
    return Path(client().download_artifacts(run_id, path))


@pytest.fixture
def run() -> RunResult:
    return train(compose(TINY))


def test_a_run_records_everything_that_it_is_and_came_to(run: RunResult) -> None:
    recorded = client().get_run(run.run_id)
    assert recorded.info.status == "FINISHED"
    assert recorded.info.run_name == "compact, faces, seed 0"

    config = yaml.safe_load(artifact(run.run_id, "config.yaml").read_text())
    assert config["trainer"]["device"] in ("cpu", "cuda")
    assert config["trainer"]["threads"] == 1
    assert recorded.data.params["model.attention.reduction"] == "8"
    assert recorded.data.params["trainer.threads"] == "1"

    metrics = recorded.data.metrics
    assert metrics["best/accuracy"] == run.objective
    assert metrics["parameters"] == 6_783
    for name in ("images_per_second", "train_seconds", "peak_memory_bytes", "multiply_adds"):
        assert metrics[name] > 0
    for name in ("train/loss", "val/accuracy", "val/f1", "val/f1/happy", "lr"):
        steps = [m.step for m in client().get_metric_history(run.run_id, name)]
        assert steps == [1, 2, 3]

    machine = json.loads(artifact(run.run_id, "environment/machine.json").read_text())
    assert machine["threads"] >= 1
    assert "torch==" in artifact(run.run_id, "environment/requirements.txt").read_text()

    (dataset,) = recorded.inputs.dataset_inputs
    assert dataset.dataset.digest == recorded.data.tags["ferlab.data.digest"]
    assert json.loads(dataset.dataset.profile)["train_images"] == 216

    for figure in ("confusion", "learning_curves", "per_class", "surest_mistakes"):
        assert artifact(run.run_id, f"figures/{figure}.png").stat().st_size > 5_000


def test_recorded_predictions_are_the_models_to_the_last_bit(run: RunResult) -> None:
    with artifact(run.run_id, "predictions/val.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = np.array([[row[f"p_{name}"] for name in EXPRESSIONS] for row in rows], np.float32)
    np.testing.assert_array_equal(read, run.predictions.probabilities)
    assert [row["name"] for row in rows] == run.predictions.names.tolist()
    correct = [row["label"] == row["predicted"] for row in rows]
    assert np.mean(correct) == pytest.approx(run.objective)


def test_recorded_model_loads_and_says_the_same(run: RunResult, home: Path) -> None:
    mlflow.set_tracking_uri(store.default_uri())
    model = mlflow.pyfunc.load_model(run.model)
    from ferlab.data.prepare import prepare

    images, _ = prepare(compose(TINY).data)
    chosen = np.flatnonzero(np.isin(images.names, run.predictions.names))
    said = model.predict(np.asarray(images.images[chosen]))
    np.testing.assert_allclose(
        said[list(EXPRESSIONS)].to_numpy(), run.predictions.probabilities, atol=1e-5
    )
    (logged,) = client().search_logged_models(["1"])
    assert (logged.source_run_id, logged.status) == (run.run_id, "READY")
    stored = [p.name for p in Path(artifact(run.run_id, "model")).rglob("*") if p.is_file()]
    assert "weights.safetensors" in stored
    assert not any(name.endswith((".pkl", ".pickle", ".pth", ".pt")) for name in stored)


def test_nothing_is_left_in_the_work_folder(run: RunResult, home: Path) -> None:
    assert not paths.work(run.run_id).exists()
    assert {p.name for p in home.iterdir()} <= {"mlflow.db", ".mlflow.lock", "artifacts", "work"}


@pytest.mark.parametrize("overrides", SCHEDULES, ids=" ".join)
def test_killed_at_a_random_epoch_and_resumed_gives_the_same_bits(
    overrides: list[str], tmp_path: Path
) -> None:
    config = [*TINY, *overrides]
    whole = train(compose(config))
    assert train(compose(config)).predictions.digest == whole.predictions.digest

    run_id = kill_after_epoch(random.choice([1, 2]), config)
    assert client().get_run(run_id).info.status == "RUNNING"  # it had no time to say otherwise
    resumed = resume(run_id)
    assert resumed.run_id == run_id
    assert resumed.predictions.digest == whole.predictions.digest
    assert client().get_run(run_id).info.status == "FINISHED"
    for name in ("train/loss", "val/f1"):
        history = client().get_metric_history(run_id, name)
        whole_history = client().get_metric_history(whole.run_id, name)
        assert [(m.step, m.value) for m in history] == [(m.step, m.value) for m in whole_history]


def kill_after_epoch(epoch: int, overrides: list[str]) -> str:
    command = [sys.executable, "-m", "ferlab", "train", *overrides]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        seen = ""
        for line in process.stderr:
            seen += line
            if line.startswith(f"epoch {epoch}/"):
                process.send_signal(signal.SIGKILL)
                break
    return run_id_of(seen)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_as_interrupted_and_says_how_to_go_on(number: int) -> None:
    def interrupt(epoch: int, metrics: object) -> None:
        del metrics
        if epoch == 1:
            os.kill(os.getpid(), number)

    with pytest.raises(RunEnded, match="ferlab train --resume") as caught:
        train(compose(TINY), report=interrupt)
    assert caught.value.reason == "interrupted"
    recorded = client().get_run(caught.value.run_id)
    assert (recorded.info.status, recorded.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")
    assert resume(caught.value.run_id).predictions.digest == train(compose(TINY)).predictions.digest


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint() -> None:
    with pytest.raises(RunEnded, match=r"the loss became nan in epoch 1; a smaller optimizer\.lr"):
        train(compose([*TINY, "optimizer.lr=1e30"]))
    (recorded,) = client().search_runs(["1"])
    assert (recorded.info.status, recorded.data.tags["ferlab.ended"]) == ("FAILED", "diverged")


def test_out_of_memory_and_errors_are_told_apart() -> None:
    def fail(error: Exception) -> RunEnded:
        def report(epoch: int, metrics: object) -> None:
            del epoch, metrics
            raise error

        with pytest.raises(RunEnded) as caught:
            train(compose(TINY), report=report)
        return caught.value

    assert fail(MemoryError()).reason == "out-of-memory"
    ended = fail(ZeroDivisionError("oh"))
    assert ended.reason == "error"
    assert "ZeroDivisionError: oh" in artifact(ended.run_id, "traceback.txt").read_text()
    assert client().get_run(ended.run_id).info.status == "FAILED"
    resume(ended.run_id)


def test_a_full_disk_ends_the_run_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from ferlab.training import checkpoint

    def full(path: Path, state: object) -> None:
        del state
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(checkpoint, "save_state", full)
    with pytest.raises(RunEnded, match="no space left on the disk"):
        train(compose(TINY))


def test_an_epoch_that_mlflow_missed_in_a_crash_is_logged_on_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_epoch = Run.log_epoch

    def crash_at_the_last(self: Run, epoch: int, metrics: dict[str, float]) -> None:
        if epoch == 3:
            raise TrackingError("the store is away")
        log_epoch(self, epoch, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log_epoch", crash_at_the_last)
        with pytest.raises(RunEnded, match="the store is away; go on with") as caught:
            train(compose(TINY))
    torch.set_num_threads(2)
    resume(caught.value.run_id)
    assert torch.get_num_threads() == 1  # as recorded, though no epoch was left to train
    steps = [m.step for m in client().get_metric_history(caught.value.run_id, "val/f1")]
    assert steps == [1, 2, 3]


def test_early_stopping_stops_and_records() -> None:
    ended = train(
        compose(
            [
                *TINY,
                "trainer.max_epochs=9",
                "trainer.early_stopping.patience=1",
                "trainer.early_stopping.min_delta=0.9",
            ]
        )
    )
    steps = client().get_metric_history(ended.run_id, "val/loss")
    assert len(steps) == 2


def test_resume_refuses_what_it_cannot_go_on_with(run: RunResult) -> None:
    with pytest.raises(TrackingError, match="is finished; there is nothing to resume"):
        resume(run.run_id)
    with pytest.raises(TrackingError, match="there is no run 'nope'"):
        resume("nope")


def test_a_run_is_trained_by_one_process_at_a_time() -> None:
    def meanwhile(epoch: int, metrics: object) -> None:
        del epoch, metrics
        (recorded,) = client().search_runs(["1"])
        with pytest.raises(TrackingError, match="is being trained by another process"):
            resume(recorded.info.run_id)

    train(compose(TINY), report=meanwhile)


# --- a user's own parts -------------------------------------------------------------------

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
        "fold: 0\ndrop_leaks: null\nnormalize: standard\n"
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

    wrong = cli("train", *overrides, "model.depth=3")
    assert "'own_parts.Net' cannot be called as configured" in wrong.stderr
    assert len(client().search_runs(["1"])) == 1  # nor now


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


def test_a_target_that_returns_something_else_is_refused(own: Path, cli: Cli) -> None:
    done = cli("train", "model=own", "data=own", "data._target_=builtins.dict")
    assert done.returncode == 1
    assert "'builtins.dict' returned dict, not an ImageSet" in done.stderr


def test_image_sets_of_another_shape_are_refused() -> None:
    from ferlab.errors import DataError

    with pytest.raises(DataError, match="images must be uint8 of shape"):
        ImageSet.of(np.zeros((2, 40, 40), np.uint8), np.zeros(2), np.zeros(2), ["a", "b"])


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"trainer\.device: torch sees no CUDA device"):
        train(compose([*TINY, "trainer.device=cuda"]))
