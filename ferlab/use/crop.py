"""From a face in a photo to an image as FER2013 has them: upright, square, grey, 48x48 pixels."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ferlab.data.imageset import SIZE
from ferlab.use.face import Face, Photo

_SIDE, _LOWER = 0.96, 0.04
"""Of a square: its side, as a share of the geometric mean of the sides of the box that MTCNN puts
around a face, and how far it lies below that, as a share of its own side.

Of what was tried on PublicTest, by `benchmarks/photos.py`, a network that was trained on FER2013
reads most faces rightly in these.
"""

_LEFT_TILTED = 10
"""Degrees by which a face may be tilted, as many of FER2013's are; what is more is turned back."""


class Square(NamedTuple):
    """A square part of a photo; it may reach beyond its edges.

    Attributes:
        x, y: its centre, in pixels from the photo's upper left corner.
        side: in pixels.
        degrees: by which it is turned with the clock; 0 is upright.
    """

    x: float
    y: float
    side: float
    degrees: float

    def corners(self) -> list[tuple[float, float]]:
        """Its corners as (x, y): the upper left, the upper right and so on."""
        turn = math.radians(self.degrees)
        across = self.side / 2 * math.cos(turn), self.side / 2 * math.sin(turn)
        return [
            (self.x + h * across[0] - v * across[1], self.y + h * across[1] + v * across[0])
            for h, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]


def square_of(face: Face) -> Square:
    """The square around a face that FER2013 would have."""
    left, top, right, bottom = face.box
    x, y = (left + right) / 2, (top + bottom) / 2
    if face.eyes is None:
        return Square(x, y, max(right - left, bottom - top), 0)
    side = _SIDE * math.sqrt((right - left) * (bottom - top))
    across, down = (face.eyes[1] - face.eyes[0]).tolist()
    tilt = math.degrees(math.atan2(down, across))
    degrees = math.copysign(max(0, abs(tilt) - _LEFT_TILTED), tilt)
    turn = math.radians(degrees)
    return Square(
        x - _LOWER * side * math.sin(turn), y + _LOWER * side * math.cos(turn), side, degrees
    )


def cut(photo: Photo, square: Square) -> npt.NDArray[np.uint8]:
    """The part of a photo as an image: (h, w, 3) -> (48, 48), grey levels 0-255.

    Beyond the photo's edges its outermost pixels go on.
    """
    corners = square.corners()
    # As many pixels as the photo has there, so that none is skipped; they are merged thereafter.
    pixels = max(SIZE, round(square.side))
    reach = math.ceil(max(abs(x - square.x) for x, _ in corners)) + 2
    left, top = math.floor(square.x) - reach, math.floor(square.y) - reach
    grey = Image.fromarray(_part(photo, left, top, 2 * reach + 1)).convert("L")
    (x, y), (right_x, right_y), _, (down_x, down_y) = corners
    across = (right_x - x) / pixels, (right_y - y) / pixels
    down = (down_x - x) / pixels, (down_y - y) / pixels
    affine = (across[0], down[0], x - left, across[1], down[1], y - top)
    turned = grey.transform(
        (pixels, pixels), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC
    )
    return np.asarray(turned.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def _part(photo: Photo, left: int, top: int, side: int) -> Photo:
    """A square part whose outermost pixels go on where it reaches beyond the photo."""
    height, width = photo.shape[:2]
    rows = np.arange(top, top + side).clip(0, height - 1)
    columns = np.arange(left, left + side).clip(0, width - 1)
    part: Photo = photo[rows[:, None], columns]
    return part
