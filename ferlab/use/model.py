"""The model that a user names, loaded without running anything that it brings along."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

from ferlab.analysis.calibration import tempered
from ferlab.reproduce.resolve import resolve_model
from ferlab.tracking import artifacts, pyfunc_model, store
from ferlab.use.extra import require_extra
from ferlab.use.reader import Scorer


class Calibrated:
    """A model whose probabilities are as often right as they say, as far as validation tells.

    Args:
        model: scores images.
        temperature: that was fitted to its probabilities.
    """

    def __init__(self, model: Scorer, temperature: float) -> None:
        self.classes = model.classes
        self._model = model
        self._temperature = temperature

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `ferlab.use.reader.Scorer`."""
        recorded = self._model.probabilities(images)
        return tempered(recorded, self._temperature).astype(np.float32)


class NamedModel(NamedTuple):
    """A model, and what it is.

    Attributes:
        model: scores images; calibrated, if it was recorded with a temperature.
        what: it is, for people to read.
        network: uint8 (n, 48, 48) -> logits (n, k), to be explained; None for a file.
    """

    model: Scorer
    what: str
    network: nn.Module | None


def load_named(name: str) -> NamedModel:
    """The model of a run, or in an exported file.

    Args:
        name: see `ferlab.reproduce.resolve.resolve_model`; or the path of a ``.onnx``.

    Raises:
        FerlabError: there is no such run or file, it has not finished, or its model is gone or
            damaged.
    """
    if name.lower().endswith(".onnx"):
        return _exported(Path(name))
    client = store.connect(None, make=False)
    entry = resolve_model(client, name)
    with artifacts.model(client, entry.run_id) as folder:
        served = pyfunc_model.load_model(folder)
    what = f"run {entry.run_id}: {entry.name}"
    return NamedModel(_calibrated(served, served.temperature), what, served.network)


def _exported(path: Path) -> NamedModel:
    require_extra("onnxruntime")
    from ferlab.use.onnx.model import OnnxModel  # noqa: PLC0415  the extra may not be installed

    model = OnnxModel.read(path)
    return NamedModel(_calibrated(model, model.temperature), str(path), None)


def _calibrated(model: Scorer, temperature: float | None) -> Scorer:
    return model if temperature is None else Calibrated(model, temperature)
