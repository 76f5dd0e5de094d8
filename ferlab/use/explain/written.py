"""The explanation of a network over the validation images that it was chosen by, as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from ferlab.analysis.predictions import Predictions
from ferlab.data.imageset import ImageSet, Split
from ferlab.use.explain.attribution import attribute
from ferlab.use.explain.gates import Gates, gates_of, gates_table
from ferlab.use.explain.gates_figure import gates_figure
from ferlab.use.explain.grid import Example, examples, grid


class Explanation(NamedTuple):
    """What was explained.

    Attributes:
        files: names of those that were written.
        images: those of which there are maps: each one's name, its true and predicted class, and
            the probability of that.
        gates: of each attention that rescales channels; none where there is none.
    """

    files: list[str]
    images: list[dict[str, str | float]]
    gates: list[Gates]


def write_explanation(
    classifier: nn.Module, images: ImageSet, predictions: Predictions, folder: Path, method: str
) -> Explanation:
    """Write a grid of examples with their maps, named like the method, and the channel gates.

    Args:
        classifier: see `ferlab.use.explain.attribution.attribute`.
        images: its data.
        predictions: the classifier's, on the validation split.
        folder: to be written to; it is there.
        method: see `ferlab.use.explain.attribution.METHODS`.

    Raises:
        FerlabError: see `ferlab.use.explain.attribution.attribute`.
    """
    index, classes = images.indices(Split.VAL), images.classes
    shown = examples(predictions, len(classes))
    places = [example.image for example in shown]
    faces = images.images[index[places]]
    device = next(classifier.parameters()).device
    meant = torch.from_numpy(predictions.predicted[places]).to(device)
    maps = attribute(classifier, torch.from_numpy(faces).to(device), meant, method).cpu().numpy()
    figures = {f"{method}.png": grid(shown, faces, list(maps), predictions, classes, method)}
    gates = gates_of(classifier, images.images[index], predictions.labels, len(classes))
    for each in gates:
        name = each.place.replace(",", "").replace(" ", "_")
        figures[f"gates_{name}.png"] = gates_figure(each, classes)
    for name, figure in figures.items():
        figure.savefig(folder / name)
    files = list(figures)
    if gates:
        (folder / "gates.csv").write_text(gates_table(gates, classes), encoding="utf-8")
        files.append("gates.csv")
    return Explanation(files, [_described(each, predictions, classes) for each in shown], gates)


def _described(
    example: Example, predictions: Predictions, classes: Sequence[str]
) -> dict[str, str | float]:
    i = example.image
    return {
        "name": str(predictions.names[i]),
        "true": classes[predictions.labels[i]],
        "predicted": classes[predictions.predicted[i]],
        "probability": round(float(predictions.probabilities[i].max()), 4),
    }


def explanation(
    classifier: nn.Module, images: ImageSet, predictions: Predictions, folder: Path
) -> None:
    """An artifact for ``tracking.artifacts``: what `write_explanation` writes, by Grad-CAM."""
    write_explanation(classifier, images, predictions, folder, "grad_cam")
