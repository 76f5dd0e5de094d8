"""Boxes in a photo: rows of left, top, right and bottom edge, in pixels."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
"""Shape (n, 4)."""

Scores = npt.NDArray[np.float64]
"""How surely each of n boxes holds a face, in [0, 1]: shape (n,)."""


def squares(boxes: Boxes) -> Boxes:
    """Each box as the square of the same centre whose side is its longer one: (n, 4) -> (n, 4)."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centres - half, centres + half])


def moved(boxes: Boxes, shares: Boxes) -> Boxes:
    """Each box with its edges moved by shares of its sides: (n, 4), (n, 4) -> (n, 4)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + shares * np.hstack([sides, sides])


def distinct(
    boxes: Boxes, scores: Scores, most: float, *, of_smaller: bool = False
) -> npt.NDArray[np.intp]:
    """The boxes that are left where each removes those of lower scores that it overlaps too much.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,).
        most: the overlap that two may have, as a share of what they cover together.
        of_smaller: of what the smaller one covers, instead.

    Returns:
        Their indices, the highest score first.
    """
    sizes = _areas(boxes)
    rest = np.argsort(-scores, kind="stable")
    kept = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = _areas(np.hstack([low, high]))
        if of_smaller:
            whole = np.minimum(sizes[best], sizes[rest])
        else:
            whole = sizes[best] + sizes[rest] - shared
        rest = rest[shared <= most * whole]
    return np.array(kept, np.intp)


def _areas(boxes: Boxes) -> npt.NDArray[np.float64]:
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    areas: npt.NDArray[np.float64] = sides.prod(axis=1)
    return areas
