"""The files that a finished run leaves behind: one function each, in one table.

A user's own functions are named in ``tracking.artifacts``; see `OwnArtifact`.
"""

import logging
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from matplotlib.figure import Figure
from torch import nn

from ferlab import instantiate
from ferlab.analysis.calibration import fit_temperature, reliability
from ferlab.analysis.classification import Labels
from ferlab.analysis.history import History
from ferlab.analysis.predictions import Predictions
from ferlab.config import Config
from ferlab.data.imageset import ImageSet, Split
from ferlab.models.classifier import Classifier
from ferlab.recording import figures
from ferlab.recording.reliability import reliability_diagram

_log = logging.getLogger("ferlab")


@dataclass(frozen=True)
class FinishedModel:
    """A model whose run is about to be finished, from which its artifacts are made.

    Attributes:
        images: its data.
        classifier: uint8 (n, 48, 48) -> logits (n, k), in evaluation mode, on the run's device.
        predictions: the classifier's, on the validation split.
    """

    images: ImageSet
    classifier: nn.Module
    predictions: Predictions

    @property
    def answers(self) -> tuple[Labels, Labels, tuple[str, ...]]:
        """True and predicted classes of the validation images, shape (n,), and k names."""
        return self.predictions.labels, self.predictions.predicted, self.images.classes

    @cached_property
    def temperature(self) -> float:
        """The temperature that is fitted to the predictions."""
        return fit_temperature(self.predictions.probabilities, self.predictions.labels)

    @property
    def calibration(self) -> dict[str, float]:
        """Summary metrics of how far the probabilities can be taken at their word."""
        found = reliability(self.predictions.probabilities, self.predictions.labels)
        return {
            "best/calibration_error": found.calibration_error,
            "best/temperature": self.temperature,
        }


@dataclass(frozen=True)
class FinishedRun(FinishedModel):
    """A run that was trained.

    Attributes:
        classifier: the network with the best epoch's weights.
        config: config of the run.
        normalisation: mean and standard deviation that the classifier was built with.
        history: metrics of its epochs.
    """

    classifier: Classifier
    config: Config
    normalisation: tuple[float, float]
    history: History


def _surest_mistakes(run: FinishedModel) -> Figure:
    images, predictions = run.images, run.predictions
    return figures.surest_mistakes(
        images.images[images.indices(Split.VAL)],
        predictions.labels,
        predictions.probabilities,
        predictions.names.tolist(),
        images.classes,
    )


ARTIFACTS: Mapping[str, Callable[[FinishedModel], str | Figure]] = {
    "predictions/val.csv": lambda run: run.predictions.table(run.images.classes),
    "predictions/per_class.csv": lambda run: figures.per_class_report(*run.answers),
    "figures/confusion.png": lambda run: figures.confusion(*run.answers),
    "figures/per_class.png": lambda run: figures.per_class(*run.answers),
    "figures/reliability.png": lambda run: reliability_diagram(
        run.predictions.probabilities, run.predictions.labels, run.temperature
    ),
    "figures/surest_mistakes.png": _surest_mistakes,
}
"""Functions that make the text or figure of each file, by its path in the run's artifacts."""

OF_TRAINING: Mapping[str, Callable[[FinishedRun], str | Figure]] = {
    "figures/learning_curves.png": lambda run: figures.learning_curves(
        run.history, run.config.trainer.monitor
    ),
}
"""The same, of what only a run has that was trained."""

OwnArtifact = Callable[[Classifier, ImageSet, Predictions, Path], object]
"""A user's function ``(classifier, images, predictions, folder)``.

It writes any files into the folder, which is named like the function and kept with the run. The
predictions are the classifier's on the validation split, in the order of the data set.
"""


def own_artifacts(names: Collection[str], allow: Collection[str]) -> dict[str, OwnArtifact]:
    """The functions that a config names, by name.

    Args:
        names: dotted names, ``my_pictures.draw``.
        allow: see `ferlab.instantiate.require_allowed`.

    Raises:
        ConfigError: one is not allowed, or cannot be found.
    """
    return {name: instantiate.locate(name, allow) for name in names}


def write_artifacts(model: FinishedModel, folder: Path) -> None:
    """Write all files of a finished model below a folder."""
    for path, make in ARTIFACTS.items():
        _write(folder / path, make(model))


def write_of_training(run: FinishedRun, own: Mapping[str, OwnArtifact], folder: Path) -> None:
    """Write those that a trained run has as well.

    If a user's function fails, its error is logged and kept in its folder, and nothing is lost.
    """
    for path, make in OF_TRAINING.items():
        _write(folder / path, make(run))
    for name, write in own.items():
        own_folder = folder / name
        own_folder.mkdir()
        try:
            write(run.classifier, run.images, run.predictions, own_folder)
        except Exception as error:
            (own_folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            line = (str(error).splitlines() or [""])[0]
            _log.warning("artifact %s failed, %s: %s", name, type(error).__name__, line)


def _write(file: Path, made: str | Figure) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(made, str):
        file.write_text(made, encoding="utf-8")
    else:
        made.savefig(file)
