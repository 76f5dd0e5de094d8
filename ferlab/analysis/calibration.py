"""How far a classifier's probabilities can be taken at their word, and a temperature to mend them.

After Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from ferlab.analysis.classification import Labels

Floats = npt.NDArray[np.floating[Any]]

BINS = 15
"""Of confidence, equally wide: the number of Guo et al."""

TEMPERATURES = (0.05, 20.0)
"""The lowest and the highest that is fitted: where all images are read rightly, or all wrongly, no
temperature is extreme enough."""

_SMALLEST = float(np.finfo(np.float32).tiny)


class Reliability(NamedTuple):
    """Predictions in bins of confidence, the probability of the predicted class.

    Attributes:
        counts: images in each bin, shape (bins,).
        confidence: their mean confidence, shape (bins,); 0 where there are none.
        accuracy: the share of them that is read rightly, alike.
    """

    counts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: the mean over images of |accuracy - confidence|.

        It is above 0 by chance alone where bins hold few images.
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.average(gaps, weights=self.counts))


def reliability(probabilities: Floats, labels: Labels, bins: int = BINS) -> Reliability:
    """Sort predictions into bins (0, 1/bins], (1/bins, 2/bins] and so on.

    Args:
        probabilities: of each class, shape (n, classes), n at least 1.
        labels: true classes, shape (n,).
        bins: number of bins.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    # Rounding can leave a sum of probabilities, and so one of them, a little above 1.
    of = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(of, minlength=bins)
    sums = (np.bincount(of, weights=w, minlength=bins) for w in (confidence, is_right))
    return Reliability(counts, *(total / np.maximum(counts, 1) for total in sums))


def tempered(probabilities: Floats, temperature: float) -> npt.NDArray[np.float64]:
    """The probabilities that the logits divided by a temperature come to, shape (n, classes).

    They are in the same order: the predicted class remains. Above 1 a temperature makes a
    classifier less sure.

    Args:
        probabilities: of each class, shape (n, classes).
        temperature: above 0.
    """
    return np.exp(_log_tempered(_log(probabilities), temperature))


def fit_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature under which the true classes are likeliest, by the mean log-likelihood.

    It has one minimum, for the negative log-likelihood is convex in 1 / temperature.

    Args:
        probabilities: of each class, shape (n, classes), n at least 1.
        labels: true classes, shape (n,).

    Returns:
        A temperature within `TEMPERATURES`.
    """
    logs, rows = _log(probabilities), np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(_log_tempered(logs, np.exp(log_temperature))[rows, labels].mean())

    found = minimize_scalar(
        loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(found.x))


def _log(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Logarithms; a probability that was rounded to 0 counts as the smallest float32."""
    return np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))


def _log_tempered(logs: npt.NDArray[np.float64], temperature: float) -> npt.NDArray[np.float64]:
    scaled = logs / temperature
    scaled -= scaled.max(axis=1, keepdims=True)  # so that nothing overflows
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), np.float64)
