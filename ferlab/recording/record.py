"""Logging of a finished run to MLflow: predictions, figures, the model, the summary."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ferlab import paths
from ferlab.config.schema import Config
from ferlab.data.imageset import Split
from ferlab.models import cost
from ferlab.recording.artifacts import FinishedRun, OwnArtifact, write_artifacts
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


def record(
    run: Run,
    finished: FinishedRun,
    own: Mapping[str, OwnArtifact],
    state: Path,
    memory: PeakMemory,
) -> RunRecord:
    """Write all artifacts of a finished run into one folder, and log that to MLflow.

    Args:
        run: the MLflow run to log to.
        finished: the finished run.
        own: a user's artifact functions, by name.
        state: file of the checkpoint after the last epoch, to be kept.
        memory: peak memory of the run so far.
    """
    images, classifier = finished.images, finished.classifier
    with tempfile.TemporaryDirectory(dir=paths.work(run.id)) as scratch:
        folder = Path(scratch, "artifacts")
        folder.mkdir()
        write_artifacts(finished, own, folder)
        model = Path(scratch, "model")
        pyfunc_model.save(
            model,
            classifier.state_dict(),
            network={
                "_target_": "ferlab.models.classifier.build",
                "network": finished.config.model.network(),
                "mean": finished.normalisation[0],
                "std": finished.normalisation[1],
                "views": finished.config.trainer.views,
            },
            classes=images.classes,
            example=images.images[images.indices(Split.VAL)[:_EXAMPLES]],
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
        )
        (folder / "checkpoints").mkdir()
        shutil.copy(state, folder / "checkpoints")
        run.log_folder(folder)
        model_id = run.log_model(model)
    summary = _summary(finished, memory)
    run.log_summary(summary, _tags(finished), model_id)
    return RunRecord(summary, model_id)


def _summary(finished: FinishedRun, memory: PeakMemory) -> dict[str, float]:
    config, history, classifier = finished.config, finished.history, finished.classifier
    speeds = [epoch["images_per_second"] for epoch in history.epochs]
    return {
        **history.summary(config.trainer.monitor),
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
