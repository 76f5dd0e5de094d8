"""Accuracy, precision, recall and F1, from confusion matrices."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ferlab.errors import DataError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer[Any]]
"""Indices of classes."""

Metric = Literal["accuracy", "f1"]
"""A metric: the share of images classified correctly, or the F1 averaged over classes."""


def confusions(labels: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """The confusion matrix of each run.

    Args:
        labels: true classes, shape (n,).
        predicted: predicted classes of each run, shape (s, n).
        classes: k, the number of classes.

    Returns:
        Counts, shape (s, k, k); rows are true classes.
    """
    runs, cells = len(predicted), classes * classes
    flat = labels.astype(np.int64) * classes + predicted  # (s, n)
    flat += np.arange(runs)[:, None] * cells
    counts = np.bincount(flat.ravel(), minlength=runs * cells)
    return counts.reshape(runs, classes, classes)


def accuracy(counts: npt.NDArray[np.number]) -> Floats:
    """The share of images on the diagonal: counts (..., k, k) -> (...)."""
    return np.asarray(_hits(counts).sum(axis=-1) / counts.sum(axis=(-2, -1)), np.float64)


def class_f1(counts: npt.NDArray[np.number]) -> Floats:
    """2 TP / (2 TP + FP + FN) of each class, 0 where it neither occurs nor is predicted.

    Counts (..., k, k) -> (..., k).
    """
    return np.asarray(2 * _hits(counts) / np.maximum(_occurrences(counts), 1), np.float64)


def macro_f1(counts: npt.NDArray[np.number]) -> Floats:
    """The mean F1 of the classes that occur or are predicted, as the metric ``val/f1`` has it.

    Counts (..., k, k) -> (...).
    """
    present = (_occurrences(counts) > 0).sum(axis=-1)
    return np.asarray(class_f1(counts).sum(axis=-1) / np.maximum(present, 1), np.float64)


def score(metric: Metric, counts: npt.NDArray[np.number]) -> Floats:
    """The metric of each confusion matrix: counts (..., k, k) -> (...)."""
    return accuracy(counts) if metric == "accuracy" else macro_f1(counts)


def _hits(counts: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _occurrences(counts: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    """Images of each class plus predictions of it: 2 TP + FP + FN."""
    return np.asarray(counts.sum(axis=-1) + counts.sum(axis=-2))


class ClassScores:
    """One run's counts by true and predicted class, and the scores that follow from them.

    Args:
        labels: true classes, shape (n,).
        predicted: predicted classes, shape (n,).
        classes: k names, in the order of the labels.

    Attributes:
        counts: images by true and predicted class, shape (k, k).
        support: images of each class, shape (k,).
        precision: precision of each class, shape (k,); 0 where divided by zero, as below.
        recall: recall of each class, shape (k,).
        f1: F1 of each class, shape (k,).
        present: whether the class occurs or is predicted, shape (k,).
        accuracy: share of the images classified correctly.
        macro_f1: mean F1 of the classes that are present.

    Raises:
        DataError: the arrays are empty or do not fit each other or the classes.
    """

    def __init__(self, labels: Labels, predicted: Labels, classes: Sequence[str]) -> None:
        n, k = len(labels), len(classes)
        if not n or len(predicted) != n:
            raise DataError(f"{n} labels, {len(predicted)} predictions: need as many, at least 1")
        lowest, highest = min(labels.min(), predicted.min()), max(labels.max(), predicted.max())
        if lowest < 0 or highest >= k:
            raise DataError(
                f"classes {lowest}-{highest} among labels and predictions: 0-{k - 1} exist"
            )
        self.counts = confusions(labels, predicted[None], k)[0]
        hits, guessed = self.counts.diagonal(), self.counts.sum(axis=0)
        self.support = self.counts.sum(axis=1)
        self.precision = hits / np.maximum(guessed, 1)
        self.recall = hits / np.maximum(self.support, 1)
        self.f1 = class_f1(self.counts)
        self.present = guessed + self.support > 0
        self.accuracy, self.macro_f1 = float(accuracy(self.counts)), float(macro_f1(self.counts))

    @property
    def summary(self) -> str:
        """The scores in one line, for a person to read."""
        n = int(self.support.sum())
        return f"accuracy {self.accuracy:.1%}, macro F1 {self.macro_f1:.3f}, {n:,} images"
