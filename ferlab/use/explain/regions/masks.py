"""Regions of a face: the pixels that are brows, eyes, nose, mouth, and the rest."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ferlab.analysis.regions.seeded import REGIONS
from ferlab.data.imageset import SIZE

Masks = npt.NDArray[np.bool_]
"""Shape (n, 5, 48, 48): of each image, the pixels of each of `REGIONS`."""

_LID = 0.24
"""How far eyes reach up and down from the line between them; the brows begin there.

All lengths are shares of the distance between the eyes, and along the line between them or across
it. Whatever the face expresses, they stay: the shape of what is covered must not tell how wide a
mouth is open. An eye is 0.5 from the middle, a mouth about 1.05 below it.
"""

_BROWS, _FOREHEAD = 1.0, 0.7
"""Half the width of both brows and what is between them; how high above the eyes they end."""

_EYE = 0.34
"""Half the width of an eye."""

_NOSE = 0.34
"""Half the width of the nose; it begins below the eyes, and ends halfway to the mouth."""

_MOUTH, _CHIN = 0.66, 0.55
"""Half the width of the mouth; how far below its corners it ends, so that it may be open."""


def region_masks(landmarks: npt.NDArray[np.float64]) -> Masks:
    """The regions of faces, by where their landmarks are; they share no pixel and leave none out.

    Args:
        landmarks: as in `ferlab.use.face.Face`, in pixels of the image, shape (n, 5, 2). Of the
            corners of the mouth only the middle counts, which expressions move little.
    """
    left, right = landmarks[:, 0, None, None], landmarks[:, 1, None, None]  # (n, 1, 1, 2)
    along = right - left
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)  # down the face
    squared = (along**2).sum(axis=-1)
    centres = np.arange(SIZE) + 0.5
    pixels = np.stack(np.meshgrid(centres, centres), axis=-1)[None]  # (1, 48, 48, 2)

    def frame(points: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Where points are: right of the middle between the eyes and below it."""
        apart = points - (left + right) / 2
        return (apart * along).sum(axis=-1) / squared, (apart * across).sum(axis=-1) / squared

    x, y = frame(pixels)
    nose_x, nose_y = frame(landmarks[:, 2, None, None])
    mouth_x, mouth_y = frame(landmarks[:, None, None, 3:].mean(axis=3))
    lip = (nose_y + mouth_y) / 2
    found = {
        "brows": (np.abs(x) < _BROWS) & (y < -_LID) & (y > -_FOREHEAD),
        "eyes": (np.abs(np.abs(x) - 0.5) < _EYE) & (np.abs(y) <= _LID),
        "nose": (np.abs(x - nose_x) < _NOSE) & (y > _LID) & (y <= lip),
        "mouth": (np.abs(x - mouth_x) < _MOUTH) & (y > lip) & (y > _LID) & (y < mouth_y + _CHIN),
    }
    found["rest"] = ~np.logical_or.reduce(list(found.values()))
    return np.stack([found[name] for name in REGIONS], axis=1)
