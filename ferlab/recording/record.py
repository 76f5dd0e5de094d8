"""What a finished run leaves in MLflow: predictions, pictures, the model, the summary."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ferlab import paths
from ferlab.analysis.predictions import Predictions
from ferlab.config.schema import Config
from ferlab.data.imageset import ImageSet, Split
from ferlab.models import cost
from ferlab.models.classifier import Classifier
from ferlab.recording import figures
from ferlab.tracking import environment, pyfunc_model
from ferlab.tracking.run import Run
from ferlab.training import checkpoint
from ferlab.training.epochs import Past

_EXAMPLES = 2
"""Validation images kept beside the model as an example request."""

_REQUIREMENTS = ("ferlab", "torch", "safetensors", "numpy", "pandas")
"""What the recorded model needs to be served."""


def record(
    run: Run,
    config: Config,
    images: ImageSet,
    past: Past,
    classifier: Classifier,
    normalisation: tuple[float, float],
    predictions: Predictions,
) -> None:
    """Write everything a run leaves behind into one folder, and hand that to MLflow.

    Args:
        run: to record it on.
        config: of the run.
        images: the run's data.
        past: its epochs.
        classifier: with the weights of the best epoch.
        normalisation: mean and standard deviation that the classifier was built with.
        predictions: of ``classifier`` on the validation split.
    """
    with tempfile.TemporaryDirectory(dir=paths.work(run.id)) as scratch:
        folder = Path(scratch, "artifacts")
        folder.mkdir()
        _write_predictions(folder, images, predictions)
        _write_figures(folder, config, images, past, predictions)
        model = Path(scratch, "model")
        pyfunc_model.save(
            model,
            classifier.state_dict(),
            network={
                "_target_": "ferlab.models.classifier.build",
                "network": config.model.network(),
                "mean": normalisation[0],
                "std": normalisation[1],
            },
            classes=images.classes,
            example=images.images[images.indices(Split.VAL)[:_EXAMPLES]],
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
        )
        (folder / "checkpoints").mkdir()
        shutil.copy(paths.work(run.id) / checkpoint.LAST, folder / "checkpoints")
        run.log_folder(folder)
        run.log_model(model)
    best = past.best(config.trainer.monitor)
    scores = past.history[best - 1]
    run.log_summary(
        {
            "best/accuracy": scores["val/accuracy"],
            "best/f1": scores["val/f1"],
            "best/loss": scores["val/loss"],
            "best/epoch": best,
            "images_per_second": float(np.median([e["images_per_second"] for e in past.history])),
            "train_seconds": past.seconds,
            "peak_memory_bytes": environment.peak_memory(),
            **_peak_gpu_memory(config),
            "parameters": cost.parameters(classifier),
            "multiply_adds": cost.multiply_adds(classifier.network),
            "latency_ms": cost.latency(classifier.network),
        },
        {
            "ferlab.predictions.digest": predictions.digest,
            "mlflow.note.content": (
                f"Accuracy **{scores['val/accuracy']:.4f}**, macro F1 **{scores['val/f1']:.4f}** "
                f"on {len(predictions.labels):,} validation images, at epoch {best} of "
                f"{config.trainer.max_epochs}. A single run: another seed may score otherwise."
            ),
        },
    )


def _write_predictions(folder: Path, images: ImageSet, predictions: Predictions) -> None:
    (folder / "predictions").mkdir()
    (folder / "predictions" / "val.csv").write_text(predictions.table(images.classes))
    report = figures.per_class_report(predictions.labels, predictions.predicted, images.classes)
    (folder / "predictions" / "per_class.csv").write_text(report)


def _write_figures(
    folder: Path, config: Config, images: ImageSet, past: Past, predictions: Predictions
) -> None:
    (folder / "figures").mkdir()
    labels, predicted = predictions.labels, predictions.predicted
    drawn = {
        "confusion": figures.confusion(labels, predicted, images.classes),
        "learning_curves": figures.learning_curves(past.history, config.trainer.monitor),
        "per_class": figures.per_class(labels, predicted, images.classes),
        "surest_mistakes": figures.surest_mistakes(
            images.images[images.indices(Split.VAL)],
            labels,
            predictions.probabilities,
            predictions.names.tolist(),
            images.classes,
        ),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / "figures" / f"{name}.png")


def _peak_gpu_memory(config: Config) -> dict[str, float]:
    """The most GPU memory that the run's tensors have held, in bytes, if it was on a GPU."""
    if config.trainer.device != "cuda":
        return {}
    return {"peak_gpu_memory_bytes": torch.cuda.max_memory_allocated()}
