"""A face in a photo, and what finds it."""

from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Photo = npt.NDArray[np.uint8]
"""An upright photo: RGB, shape (h, w, 3)."""

Points = npt.NDArray[np.float64]
"""Places in a photo, shape (n, 2): x and y in pixels, from its upper left corner."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge, in pixels of a photo; parts may lie outside."""

FaceIn = Literal["found", "whole"]
"""Whether faces are looked for, or a photo is taken for one as a whole."""


class Face(NamedTuple):
    """A face in a photo.

    Attributes:
        box: around it, from ear to ear and from the brow to the chin.
        score: how sure the finder is, in [0, 1].
        landmarks: the eye on the photo's left and the one on its right, the tip of the nose, and
            the left and the right corner of the mouth, shape (5, 2); None where the finder does not
            look for them.
    """

    box: Box
    score: float
    landmarks: Points | None

    @property
    def eyes(self) -> Points | None:
        """The first two landmarks, shape (2, 2)."""
        return None if self.landmarks is None else self.landmarks[:2]


class FaceFinder(Protocol):
    """What finds faces."""

    def find(self, photo: Photo) -> list[Face]:
        """The faces in a photo, the surest first; none where there are none."""
        ...


class WholePhoto:
    """Takes a photo for a face as it is: its central square, of the largest size."""

    def find(self, photo: Photo) -> list[Face]:
        """One face."""
        height, width = photo.shape[:2]
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return [Face((left, top, left + side, top + side), 1.0, None)]


def finder_of(face: FaceIn) -> FaceFinder:
    """What finds the faces of photos in which they are so.

    Raises:
        FerlabError: see `ferlab.use.mtcnn.networks.load_networks`.
    """
    if face == "whole":
        return WholePhoto()
    from ferlab.use.mtcnn.cascade import Cascade  # noqa: PLC0415  it is slow, and may lack weights

    return Cascade()
