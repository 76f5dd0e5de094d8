"""Scores of a model that is made of several runs, beside those of the runs."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from ferlab.analysis.classification import ClassScores
from ferlab.analysis.equivalence import Interval, paired_interval
from ferlab.analysis.predictions import Predictions
from ferlab.config.study import is_less_better
from ferlab.tracking.entry import Entry

SCORES = ("accuracy", "f1", "loss")

Scores = Mapping[str, float]
"""By the names of `SCORES`, and ``f1/CLASS`` of each class."""

_LEVEL = 0.95


def scores_of(predictions: Predictions, classes: Sequence[str]) -> Scores:
    """Accuracy, macro F1, mean cross-entropy, and the F1 of each class."""
    found = ClassScores(predictions.labels, predictions.predicted, classes)
    of_truth = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    likelihood = np.maximum(of_truth.astype(np.float64), np.finfo(np.float32).tiny)
    return {
        "accuracy": found.accuracy,
        "f1": found.macro_f1,
        "loss": float(-np.log(likelihood).mean()),
        **{f"f1/{name}": float(f1) for name, f1 in zip(classes, found.f1, strict=True)},
    }


def gains_over_members(scores: Scores, members: Sequence[Scores]) -> dict[str, float]:
    """By how much a model is better than the best of its members, and than their mean.

    ``gain_over_best/accuracy``, ``gain_over_mean/loss`` and so on; of the loss, by how much it is
    less. The best is another member for each score.
    """
    found = {}
    for name in SCORES:
        sign = -1 if is_less_better(f"val/{name}") else 1
        values = [sign * member[name] for member in members]
        found[f"gain_over_best/{name}"] = sign * scores[name] - max(values)
        found[f"gain_over_mean/{name}"] = sign * scores[name] - sum(values) / len(values)
    return found


def gain_interval(best: Predictions, made: Predictions) -> Interval:
    """The 95 % interval of the gain in accuracy over a member, on other images (Tango's)."""
    right, before = (each.predicted == each.labels for each in (made, best))
    gained, lost = int((right & ~before).sum()), int((before & ~right).sum())
    return paired_interval(gained, lost, len(right), _LEVEL)


def members_table(entries: Sequence[Entry], members: Sequence[Scores]) -> str:
    """The members and their scores, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run_id", "name", "seed", *SCORES])
    for entry, scores in zip(entries, members, strict=True):
        seed = entry.tags.get("ferlab.seed", "")
        writer.writerow([entry.run_id, entry.name, seed, *(f"{scores[n]:.9g}" for n in SCORES)])
    return out.getvalue()
