"""What a network looks at where it is surest: right and wrong, of each expression."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ferlab.analysis.predictions import Predictions
from ferlab.data.imageset import SIZE
from ferlab.figure_style import BLUE, FAINT, VERMILION, canvas, styled
from ferlab.text import shorten
from ferlab.use.explain.overlay import Map, over_face

EACH = 3
"""Images of an expression that are shown of those read right, and of the mistakes."""

_GAP, _BETWEEN, _CAPTION, _NAME = 6, 14, 12, 40
"""Pixels of the images: between two of them, between right and wrong, below, and at the left."""

_INCH = 0.02
"""Of a pixel of an image: two dots at 100 dots an inch."""


class Example(NamedTuple):
    """An image that is shown.

    Attributes:
        image: its number among the predictions.
        is_right: whether it was read right.
        place: among those of its class that were, or that were not: 0 is the surest.
    """

    image: int
    is_right: bool
    place: int


def examples(predictions: Predictions, classes: int) -> list[Example]:
    """Of each class the images that were read right, and wrong, with the highest probability."""
    sureness, right = predictions.probabilities.max(axis=1), predictions.predicted
    chosen = []
    for label in range(classes):
        of_class = predictions.labels == label
        for is_right in (True, False):
            (found,) = np.nonzero(of_class & ((right == label) == is_right))
            surest = found[np.argsort(-sureness[found], kind="stable")][:EACH].tolist()
            chosen += [Example(i, is_right, place) for place, i in enumerate(surest)]
    return chosen


@styled
def grid(
    shown: Sequence[Example],
    images: npt.NDArray[np.uint8],
    maps: Sequence[Map],
    predictions: Predictions,
    classes: Sequence[str],
    method: str,
) -> Figure:
    """A row of each class: faces, each with its map over it at the right.

    Args:
        shown: see `examples`.
        images: of the examples, uint8, shape (m, 48, 48).
        maps: of the examples, for the predicted class.
        predictions: all, of n images.
        classes: k names.
        method: by which the maps were made.
    """
    pair = 2 * SIZE + 1
    half = EACH * (pair + _GAP) - _GAP
    width, row = _NAME + 2 * half + _BETWEEN, SIZE + _CAPTION
    mosaic = np.full((len(classes) * row, width, 3), 255, np.uint8)
    note = (
        f"{method}: what counted for the predicted expression; of {len(predictions.labels):,} "
        "validation images, a row for each true expression; below a face, its probability"
    )
    figure, axes = canvas(
        "What the network looks at",
        note,
        width * _INCH + 0.38,
        mosaic.shape[0] * _INCH,
        left=0.18,
        bottom=0.05,
        top=1.0,
    )
    axes.set_axis_off()
    for text, x in (("surest right", 0), ("surest mistakes", half + _BETWEEN)):
        colour = VERMILION if x else BLUE
        axes.text(_NAME + x, -4, text, weight="bold", size=9, color=colour)
    for label, name in enumerate(classes):
        middle = label * row + SIZE / 2
        axes.text(0, middle, shorten(name, 12), va="center", size=9)
        for is_right, x in ((True, 0), (False, half + _BETWEEN)):
            if not any(
                predictions.labels[e.image] == label and e.is_right == is_right for e in shown
            ):
                axes.text(_NAME + x, middle, "none", va="center", size=9, color=FAINT)
    for example, face, counted in zip(shown, images, maps, strict=True):
        guess = int(predictions.predicted[example.image])
        x = _NAME + (0 if example.is_right else half + _BETWEEN) + example.place * (pair + _GAP)
        y = int(predictions.labels[example.image]) * row
        mosaic[y : y + SIZE, x : x + SIZE] = face[:, :, None]
        mosaic[y : y + SIZE, x + SIZE + 1 : x + pair] = over_face(face, counted)
        sure = f"{predictions.probabilities[example.image, guess]:.1%}"
        said = sure if example.is_right else f"→ {classes[guess]} {sure}"
        axes.text(x, y + SIZE + 1.5, said, va="top", size=7.5, color=FAINT)
    axes.imshow(mosaic, extent=(0, width, len(mosaic), 0), interpolation="nearest")
    return figure
