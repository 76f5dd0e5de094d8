"""The model that a user names, loaded without running anything that it brings along."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ferlab.analysis.calibration import tempered
from ferlab.reproduce.resolve import resolve_finished
from ferlab.tracking import artifacts, pyfunc_model, store
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
    """

    model: Scorer
    what: str


def load_named(name: str) -> NamedModel:
    """The model of a run; of a trial of several seeds, that of the best of them by validation.

    Args:
        name: see `ferlab.tracking.find.resolve`.

    Raises:
        FerlabError: there is no such run, it has not finished, or its model is gone or damaged.
    """
    client = store.connect(None, make=False)
    entry = resolve_finished(client, name)
    if entry.seeds:
        entry = max(entry.seeds, key=lambda seed: seed.metrics["best/accuracy"])
    with artifacts.model(client, entry.run_id) as folder:
        served = pyfunc_model.load_model(folder)
    temperature = served.temperature
    model = served if temperature is None else Calibrated(served, temperature)
    return NamedModel(model, f"run {entry.run_id}: {entry.name}")
