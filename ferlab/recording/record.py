"""Logging of a finished run to MLflow: predictions, figures, the model, the summary."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ferlab import paths
from ferlab.config.schema import Config
from ferlab.data.imageset import Split
from ferlab.models import cost
from ferlab.recording.artifacts import (
    FinishedModel,
    FinishedRun,
    OwnArtifact,
    write_artifacts,
    write_of_training,
)
from ferlab.tracking import pyfunc_model
from ferlab.tracking.memory import PeakMemory
from ferlab.tracking.run import Run

_EXAMPLES = 2
"""Validation images kept beside the model as an example request."""

_REQUIREMENTS = ("ferlab", "torch", "safetensors", "numpy", "pandas")
"""Distributions that the recorded model needs to be served."""


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run once it is recorded.

    Attributes:
        metrics: its summary metrics: ``best/...``, speeds and costs.
        model_id: id of its model in MLflow.
    """

    metrics: dict[str, float]
    model_id: str


def serving_requirements() -> list[str]:
    """What a recorded model needs to be served, as it is installed here."""
    return [f"{name}=={version(name)}" for name in _REQUIREMENTS]


def record(
    run: Run,
    finished: FinishedRun,
    own: Mapping[str, OwnArtifact],
    state: Path,
    memory: PeakMemory,
) -> RunRecord:
    """Record a finished run that was trained.

    Args:
        run: the MLflow run to log to.
        finished: the finished run.
        own: a user's artifact functions, by name.
        state: file of the checkpoint after the last epoch, to be kept.
        memory: peak memory of the run so far.
    """

    def write(folder: Path) -> None:
        write_of_training(finished, own, folder)
        (folder / "checkpoints").mkdir()
        shutil.copy(state, folder / "checkpoints")

    network = {
        "_target_": "ferlab.models.classifier.build",
        "network": finished.config.model.network(),
        "mean": finished.normalisation[0],
        "std": finished.normalisation[1],
        "views": finished.config.trainer.views,
    }
    model_id = record_model(run, finished, network, write)
    summary = _summary(finished, memory)
    run.log_summary(summary, _tags(finished), model_id)
    return RunRecord(summary, model_id)


def record_model(
    run: Run,
    finished: FinishedModel,
    network: Mapping[str, Any],
    write: Callable[[Path], None],
) -> str:
    """Write all artifacts of a finished model into one folder, and log that and the model itself.

    Args:
        run: the MLflow run to log to.
        finished: the model.
        network: how it is built again; see `ferlab.tracking.pyfunc_model.save`.
        write: writes what else is to be kept into the folder.

    Returns:
        The id of the model in MLflow.
    """
    images, classifier = finished.images, finished.classifier
    with tempfile.TemporaryDirectory(dir=paths.work(run.id)) as scratch:
        folder = Path(scratch, "artifacts")
        folder.mkdir()
        write_artifacts(finished, folder)
        write(folder)
        model = Path(scratch, "model")
        pyfunc_model.save(
            model,
            classifier.state_dict(),
            network=network,
            classes=images.classes,
            temperature=finished.temperature,
            example=images.images[images.indices(Split.VAL)[:_EXAMPLES]],
            pip_requirements=serving_requirements(),
        )
        run.log_folder(folder)
        return run.log_model(model)


def _summary(finished: FinishedRun, memory: PeakMemory) -> dict[str, float]:
    config, history, classifier = finished.config, finished.history, finished.classifier
    speeds = [epoch["images_per_second"] for epoch in history.epochs]
    return {
        **history.summary(config.trainer.monitor),
        **finished.calibration,
        "images_per_second": float(np.median(speeds)),
        "train_seconds": history.seconds,
        "peak_memory_bytes": memory.bytes,
        **_peak_gpu_memory(config),
        "parameters": cost.parameters(classifier),
        # Both are what the recorded model takes for an image, and so for all its views.
        "multiply_adds": len(classifier.views) * cost.multiply_adds(classifier.network),
        "latency_ms": cost.latency(classifier),
    }


def _tags(finished: FinishedRun) -> dict[str, str]:
    trainer, history = finished.config.trainer, finished.history
    best = history.summary(trainer.monitor)
    return {
        "ferlab.predictions.digest": finished.predictions.digest,
        "mlflow.note.content": (
            f"Accuracy **{best['best/accuracy']:.4f}**, macro F1 **{best['best/f1']:.4f}** "
            f"on {len(finished.predictions.labels):,} validation images, at epoch "
            f"{best['best/epoch']:.0f} of {trainer.max_epochs}. "
            "A single run: another seed may score otherwise."
        ),
    }


def _peak_gpu_memory(config: Config) -> dict[str, float]:
    """The most GPU memory that the run's tensors have held, in bytes, if it was on a GPU."""
    if config.trainer.device != "cuda":
        return {}
    return {"peak_gpu_memory_bytes": torch.cuda.max_memory_allocated()}
