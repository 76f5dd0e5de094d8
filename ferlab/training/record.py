"""What a finished run leaves in MLflow: predictions, pictures, the model, the summary."""

import csv
import hashlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ferlab import paths
from ferlab.config.schema import Config
from ferlab.data.batches import Batches
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError
from ferlab.models import cost
from ferlab.models.classifier import Classifier
from ferlab.tracking import environment, figures, served
from ferlab.tracking.run import Run
from ferlab.training import checkpoint
from ferlab.training.epochs import Past

_EXAMPLES = 2
"""Validation images kept beside the model as an example request."""

_REQUIREMENTS = ("ferlab", "torch", "safetensors", "numpy", "pandas")
"""What the recorded model needs to be served."""


@dataclass(frozen=True)
class Predictions:
    """A classifier's answers on one split, in the order of the data set.

    Attributes:
        names: the images', shape (n,).
        labels: the true classes, shape (n,).
        probabilities: float32, shape (n, classes).
    """

    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.float32]

    @classmethod
    def read(cls, text: str) -> "Predictions":
        """What `table` wrote, to the last bit.

        Raises:
            DataError: it is no such table.
        """
        try:
            header, *rows = csv.reader(io.StringIO(text))
            classes = [column.removeprefix("p_") for column in header[3:]]
            if header[:3] != ["name", "label", "predicted"] or not classes or not rows:
                raise ValueError("its header is another one, or it is empty")
            labels = [classes.index(row[1]) for row in rows]
            probabilities = np.array([row[3:] for row in rows], np.float32)
            if probabilities.shape != (len(rows), len(classes)):
                raise ValueError("its rows are not as long as its header")
        except (ValueError, IndexError, csv.Error) as error:
            raise DataError(f"this is no table of predictions: {error}") from error
        names = np.array([row[0] for row in rows], np.str_)
        return cls(names, np.array(labels, np.uint8), probabilities)

    @property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The likeliest class of each image, shape (n,)."""
        return np.asarray(self.probabilities.argmax(axis=1), np.intp)

    @property
    def digest(self) -> str:
        """32 hex digits over names, labels and every bit of the probabilities."""
        h = hashlib.blake2b(digest_size=16)
        h.update("\0".join(self.names.tolist()).encode())
        h.update(self.labels.tobytes())
        h.update(np.ascontiguousarray(self.probabilities).tobytes())
        return h.hexdigest()

    def table(self, classes: tuple[str, ...]) -> str:
        """As CSV; nine significant digits hold a float32 exactly."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["name", "label", "predicted", *(f"p_{name}" for name in classes)])
        for name, label, guess, row in zip(
            self.names, self.labels, self.predicted, self.probabilities.tolist(), strict=True
        ):
            writer.writerow([name, classes[label], classes[guess], *(f"{p:.9g}" for p in row)])
        return out.getvalue()


def predict(
    classifier: Classifier, images: ImageSet, batch_size: int, split: Split = Split.VAL
) -> Predictions:
    """Score a split's images as validation does: in float32, on the classifier's device."""
    device = next(classifier.parameters()).device
    index = images.indices(split)
    chosen = torch.from_numpy(images.images[index]).to(device)
    labels = images.labels[index]
    classifier.eval()
    with torch.inference_mode():
        logits = [
            classifier(batch)
            for batch, _ in Batches(chosen, torch.from_numpy(labels.astype(np.int64)), batch_size)
        ]
        probabilities = torch.cat(logits).float().softmax(dim=1).cpu().numpy()
    return Predictions(images.names[index], labels, probabilities)


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
        served.save(
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
