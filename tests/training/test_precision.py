"""What a run is computed in, and on what: training steps, and all that is scored."""

import csv

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from ferlab.config.compose import compose
from ferlab.config.schema import Config
from ferlab.data.augmentation.augment import BatchAugmentation
from ferlab.models.classifier import Classifier
from ferlab.training import assemble, run
from ferlab.training.assemble import on_this_machine
from ferlab.training.module import ExpressionModule
from ferlab.training.run import train
from tests.conftest import TINY
from tests.training.runs import artifact, client

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

MIXED = [*TINY, "trainer.device=cpu", "trainer.precision=bf16-mixed", "trainer.max_epochs=2"]


def test_scores_are_those_of_the_recorded_predictions() -> None:
    run_id = train(compose([*MIXED, "trainer.batch_size=12"])).run_id  # and a batch of 8
    with artifact(run_id, "predictions/val.csv").open() as file:
        rows = list(csv.DictReader(file))
    metrics = client().get_run(run_id).data.metrics
    right = [row["label"] == row["predicted"] for row in rows]
    assert metrics["best/accuracy"] == pytest.approx(np.mean(right), rel=1e-6)
    losses = [-np.log(float(row[f"p_{row['label']}"])) for row in rows]
    assert metrics["best/loss"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_nothing_but_training_steps_is_in_mixed_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[bool]] = {"augment": set(), "train": set(), "score": set()}
    augment, score = BatchAugmentation.forward, Classifier.score

    def spy_augment(self: BatchAugmentation, images: Tensor) -> Tensor:
        seen["augment"].add(torch.is_autocast_enabled("cpu"))
        return augment(self, images)

    def spy_score(self: Classifier, images: Tensor) -> Tensor:
        seen["train" if torch.is_grad_enabled() else "score"].add(torch.is_autocast_enabled("cpu"))
        return score(self, images)

    monkeypatch.setattr(BatchAugmentation, "forward", spy_augment)
    monkeypatch.setattr(Classifier, "score", spy_score)
    train(compose(MIXED))
    assert seen == {"augment": {False}, "train": {True}, "score": {False}}


@pytest.mark.parametrize(
    "ingredients",
    [
        ["trainer.skip_easy=0.5", "trainer.ema=0.9", "model.attention.kind=cbam"],
        ["loss=focal", "augmentation.mixup=0.2", "trainer.sampling=balanced", "optimizer=muon"],
        ["loss=balanced_softmax", "augmentation.cutmix=1", "model.attention.kind=eca"],
    ],
)
def test_a_recipe_trains_in_mixed_precision(ingredients: list[str]) -> None:
    run = train(compose([*MIXED, *ingredients]))
    assert np.isfinite(run.predictions.probabilities).all()


@pytest.mark.parametrize(
    ("instructions", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx2": True}, "32-true"),
        ({"architecture": "aarch64"}, "32-true"),
    ],
)
def test_precision_is_what_the_processor_multiplies(
    instructions: dict[str, bool | str], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    config = compose(["trainer.device=cpu", "trainer.precision=auto"])
    assert on_this_machine(config).trainer.precision == precision


def test_threads_are_those_of_the_environment_even_where_torch_was_imported_under_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = compose(["trainer.threads=auto"])
    found = {}
    for said in ("3", "5", "0"):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        found[said] = on_this_machine(config).trainer.threads
    assert found == {"3": 3, "5": 5, "0": assemble._DEFAULT_THREADS}


@pytest.fixture
def as_if_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs of device=cuda train on the CPU; what is asked of the device, in order."""
    asked: list[str] = []
    train_epochs, predict = run.train_epochs, run.predict

    def fit_on_cpu(
        module: ExpressionModule, config: Config, epochs: int, callback: pl.Callback
    ) -> None:
        asked.append("fit")
        on_cpu = config.trainer.model_copy(update={"device": "cpu"})
        train_epochs(module, config.model_copy(update={"trainer": on_cpu}), epochs, callback)

    def told(what: str) -> None:
        asked.append(what)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: told("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    monkeypatch.setattr(Classifier, "to", lambda self, device: told(f"to {device}"))
    monkeypatch.setattr(run, "train_epochs", fit_on_cpu)
    monkeypatch.setattr(run, "predict", lambda *rest: (told("predict"), predict(*rest))[1])
    return asked


@pytest.mark.parametrize(
    ("device", "asked", "peak"),
    [
        ("cuda", ["reset", "fit", "to cuda", "predict"], 7),
        ("cpu", ["fit", "to cpu", "predict"], None),
    ],
)
def test_a_run_is_scored_where_it_was_trained_and_its_peak_of_memory_is_its_own(
    device: str, asked: list[str], peak: float | None, as_if_on_a_gpu: list[str]
) -> None:
    ended = train(compose([*TINY, f"trainer.device={device}", "trainer.max_epochs=1"]))
    assert as_if_on_a_gpu == asked
    metrics = client().get_run(ended.run_id).data.metrics
    assert metrics.get("peak_gpu_memory_bytes") == peak
