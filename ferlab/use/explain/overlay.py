"""A map over the picture that it explains."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.ndimage import gaussian_filter

from ferlab.data.imageset import SIZE
from ferlab.figure_style import VERMILION
from ferlab.use.crop import Square
from ferlab.use.face import Photo

Map = npt.NDArray[np.floating[Any]]
"""How much each pixel of an image counts: at least 0, shape (48, 48)."""

_INK = 255 * np.array(to_rgb(VERMILION))

_DENSEST = 0.75
"""Share of the colour where a map is at its highest."""

_BLUR = 1.0
"""Standard deviation of the blur, in pixels of the image: maps of single pixels are speckled."""

_FULL = 0.98
"""Quantile of a map from which on it is drawn as its highest: single pixels may stand far out."""


def strength(counted: Map) -> npt.NDArray[np.float32]:
    """A map as it is drawn: blurred, as shares of its highest values, in [0, 1]."""
    blurred = gaussian_filter(np.asarray(counted, np.float64), _BLUR)
    full = float(np.quantile(blurred, _FULL)) or float(blurred.max()) or 1.0
    shares: npt.NDArray[np.float32] = np.clip(blurred / full, 0, 1).astype(np.float32)
    return shares


def over_face(image: npt.NDArray[np.uint8], counted: Map) -> Photo:
    """A grey image with its map over it: uint8 (48, 48) -> RGB, uint8 (48, 48, 3)."""
    return _tinted(np.repeat(image[:, :, None], 3, axis=2), strength(counted))


def over_photo(photo: Photo, square: Square, counted: Map) -> Photo:
    """A photo with a map over the square that it explains."""
    xs, ys = zip(*square.corners(), strict=True)
    height, width = photo.shape[:2]
    left, right = max(0, int(min(xs))), min(width, int(max(xs)) + 1)
    top, bottom = max(0, int(min(ys))), min(height, int(max(ys)) + 1)
    if left >= right or top >= bottom:
        return photo
    # Of each pixel of the photo, where it lies in the map.
    (x, y), (right_x, right_y), *_ = square.corners()
    scale = SIZE / square.side
    across = (right_x - x) / square.side, (right_y - y) / square.side
    a, b = scale * across[0], scale * across[1]
    affine = (a, b, a * (left - x) + b * (top - y), -b, a, -b * (left - x) + a * (top - y))
    drawn = Image.fromarray(strength(counted)).transform(
        (right - left, bottom - top), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR
    )
    seen = photo.copy()
    seen[top:bottom, left:right] = _tinted(seen[top:bottom, left:right], np.asarray(drawn))
    return seen


def _tinted(picture: Photo, strong: npt.NDArray[np.float32]) -> Photo:
    share = _DENSEST * strong[:, :, None]
    mixed: Photo = np.rint((1 - share) * picture + share * _INK).astype(np.uint8)
    return mixed
