"""Accuracy and macro F1 of many runs at once, by way of their confusion matrices."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from ferlab.analysis.comparison.seeded import FEWEST, Floats, Labels, SeededPredictions
from ferlab.errors import EvidenceError

Metric = Literal["accuracy", "f1"]
"""What is compared: the share of images read correctly, or the F1 averaged over classes."""


def confusions(labels: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Images by true and predicted class, for each run.

    Args:
        labels: true classes, shape (n,).
        predicted: shape (s, n).
        classes: k, how many there are.

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


def arm_scores(metric: Metric, arm: SeededPredictions) -> Floats:
    """The metric of each of an arm's runs, shape (s,)."""
    return score(metric, confusions(arm.labels, arm.predicted, len(arm.classes)))


def check_seeds(metric: Metric, *arms: SeededPredictions) -> None:
    """Refuse arms with fewer than 3 seeds.

    Raises:
        EvidenceError: there are fewer; the runs and their scores are listed.
    """
    few = [arm for arm in arms if len(arm.seeds) < FEWEST]
    if few:
        listed = "; ".join(
            f"{arm.name!r} has {len(arm.seeds)}"
            + "".join(
                f", seed {seed} {value:.4f}"
                for seed, value in zip(arm.seeds, arm_scores(metric, arm), strict=True)
            )
            for arm in few
        )
        raise EvidenceError(f"an interval needs at least {FEWEST} seeds: {listed}")


def contributions(metric: Metric, arm: SeededPredictions) -> Floats:
    """What each image adds to each run's score: values whose mean over images is the score.

    For accuracy 1 where the image is read correctly, else 0. For macro F1 the jackknife's
    pseudo-values ``n F - (n - 1) F_without_the_image``, moved so that their mean is the score
    (the normalised pseudo-values of Hillis, Berbaum & Metz 2008, Academic Radiology 15:647-661).
    Images of one cell of a confusion matrix share their value, so only k * k are computed a run.

    Returns:
        Shape (s, n).
    """
    if metric == "accuracy":
        return np.asarray(arm.predicted == arm.labels, np.float64)
    k, n = len(arm.classes), arm.images
    counts = confusions(arm.labels, arm.predicted, k)
    one_less = counts[:, None] - np.eye(k * k, dtype=np.int64).reshape(k * k, k, k)
    without = macro_f1(np.maximum(one_less, 0))  # (s, k * k); no image is in an empty cell
    scores = macro_f1(counts)[:, None]
    cells = arm.labels.astype(np.int64) * k + arm.predicted  # (s, n)
    values = np.take_along_axis(n * scores - (n - 1) * without, cells, axis=1)
    return np.asarray(values - values.mean(axis=1, keepdims=True) + scores, np.float64)


def _hits(counts: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _occurrences(counts: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    """Images of each class plus predictions of it: 2 TP + FP + FN."""
    return np.asarray(counts.sum(axis=-1) + counts.sum(axis=-2))
