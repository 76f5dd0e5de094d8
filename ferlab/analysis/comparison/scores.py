"""The scores of a configuration's runs, and what each image adds to them."""

import numpy as np

from ferlab.analysis.classification import Floats, Metric, confusions, macro_f1, score
from ferlab.analysis.comparison.seeded import FEWEST, SeededPredictions
from ferlab.errors import EvidenceError


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
