"""One run from outside: what it comes to, what it records."""

import csv
import json
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
import torch
import yaml

from ferlab import paths
from ferlab.analysis.calibration import fit_temperature, reliability
from ferlab.config.compose import compose
from ferlab.data.imageset import EXPRESSIONS
from ferlab.errors import ConfigError
from ferlab.tracking import artifacts, pyfunc_model
from ferlab.tracking.place import where
from ferlab.training.run import RunResult, train
from tests.conftest import TINY
from tests.training.runs import artifact, client

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, RunResult]:
    """A home, and the one run in it."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        return home, train(compose(TINY))


@pytest.fixture
def run(trained: tuple[Path, RunResult], home: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """A run, in a home that it shares with nothing else."""
    monkeypatch.setenv("FERLAB_HOME", str(trained[0]))
    return trained[1]


def test_a_run_records_everything_that_it_is_and_came_to(run: RunResult) -> None:
    recorded = client().get_run(run.run_id)
    assert recorded.info.status == "FINISHED"
    assert recorded.info.run_name == "compact, faces, seed 0"

    config = yaml.safe_load(artifact(run.run_id, "config.yaml").read_text())
    assert config["trainer"]["device"] in ("cpu", "cuda")
    assert config["trainer"]["threads"] == 1
    assert config["model"]["attention"] == {"kind": "none"}  # just what is on
    assert recorded.data.params["trainer.threads"] == "1"

    metrics = recorded.data.metrics
    assert metrics["best/accuracy"] == run.objective
    assert metrics["parameters"] == 6_783
    for name in ("images_per_second", "train_seconds", "peak_memory_bytes", "multiply_adds"):
        assert metrics[name] > 0
    for name in ("train/loss", "val/accuracy", "val/f1", "val/f1/happy", "lr"):
        steps = [m.step for m in client().get_metric_history(run.run_id, name)]
        assert steps == [1, 2, 3]
    epoch = int(metrics["best/epoch"])
    for name in ("accuracy", "f1", "loss", *(f"f1/{expression}" for expression in EXPRESSIONS)):
        history = client().get_metric_history(run.run_id, f"val/{name}")
        assert metrics[f"best/{name}"] == next(m.value for m in history if m.step == epoch)

    machine = json.loads(artifact(run.run_id, "environment/machine.json").read_text())
    assert machine["threads"] >= 1
    assert "torch==" in artifact(run.run_id, "environment/requirements.txt").read_text()

    (dataset,) = recorded.inputs.dataset_inputs
    assert dataset.dataset.digest == recorded.data.tags["ferlab.data.digest"]
    assert json.loads(dataset.dataset.profile)["train_images"] == 216

    for figure in ("confusion", "learning_curves", "per_class", "reliability", "surest_mistakes"):
        assert artifact(run.run_id, f"figures/{figure}.png").stat().st_size > 5_000


def test_recorded_predictions_are_the_models_to_the_last_bit(run: RunResult) -> None:
    with artifact(run.run_id, "predictions/val.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = np.array([[row[f"p_{name}"] for name in EXPRESSIONS] for row in rows], np.float32)
    np.testing.assert_array_equal(read, run.predictions.probabilities)
    assert [row["name"] for row in rows] == run.predictions.names.tolist()
    correct = [row["label"] == row["predicted"] for row in rows]
    assert np.mean(correct) == pytest.approx(run.objective)


def test_recorded_model_loads_and_says_the_same(
    run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not mlflow.set_tracking_uri, which would hold for later tests, too.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where.default_uri())
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
    assert run.model == f"models:/{logged.model_id}"
    with artifacts.model(client(), run.run_id) as folder:
        stored = [path.name for path in folder.rglob("*") if path.is_file()]
    assert "weights.safetensors" in stored
    assert not any(name.endswith((".pkl", ".pickle", ".pth", ".pt")) for name in stored)


def test_calibration_is_that_of_the_recorded_predictions_and_the_model_has_it(
    run: RunResult,
) -> None:
    metrics = client().get_run(run.run_id).data.metrics
    sure, labels = run.predictions.probabilities, run.predictions.labels
    error = reliability(sure, labels).calibration_error
    assert metrics["best/calibration_error"] == pytest.approx(error)
    assert metrics["best/temperature"] == pytest.approx(fit_temperature(sure, labels))
    with artifacts.model(client(), run.run_id) as folder:
        served = pyfunc_model.load_model(folder)
    assert served.temperature == metrics["best/temperature"]


def test_nothing_is_left_in_the_work_folder(run: RunResult) -> None:
    assert not paths.work(run.run_id).exists()
    assert {p.name for p in paths.home().iterdir()} <= {
        "mlflow.db",
        ".mlflow.lock",
        "artifacts",
        "work",
    }


def test_the_first_steps_are_recorded_with_their_rates_wherever_they_fall() -> None:
    """Three steps of 72 images make the first epoch; then one of all makes each."""
    names = [f"{name}/step_{number}" for name in ("train/loss", "lr") for number in (1, 2, 3)]

    def first_steps(*overrides: str) -> tuple[list[float], list[list[int]], str]:
        run_id = train(compose([*TINY, *overrides])).run_id
        history = [client().get_metric_history(run_id, name) for name in names]
        return [m[0].value for m in history], [[m.step for m in of] for of in history], run_id

    values, epochs, run_id = first_steps("trainer.batch_size=72", "trainer.max_epochs=2")
    assert epochs == [[1]] * 6
    means = {m.step: m.value for m in client().get_metric_history(run_id, "train/loss")}
    assert np.mean(values[:3]) == pytest.approx(means[1], abs=1e-6)
    assert values[3:] == pytest.approx([0.004, 0.052, 0.1])  # up to the peak in a quarter of six
    values, epochs, _ = first_steps("trainer.batch_size=512", "scheduler=constant")
    assert epochs == [[1], [2], [3]] * 2
    assert values[3:] == [0.1] * 3


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


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"trainer\.device: torch sees no CUDA device"):
        train(compose([*TINY, "trainer.device=cuda"]))
