"""What the faces in a photo express."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ferlab.use.crop import Square, cut, squares_of
from ferlab.use.face import Face, FaceFinder, Photo


class Scorer(Protocol):
    """What scores images, as a recorded run's model and an exported file do."""

    @property
    def classes(self) -> tuple[str, ...]:
        """k names, in the order of the probabilities."""
        ...

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score images: uint8 (n, 48, 48) -> a probability per class, float32 (n, k)."""
        ...


class Reading(NamedTuple):
    """A face, and what it expresses.

    Attributes:
        face: in the photo.
        squares: the parts of the photo in which it was read.
        images: uint8, shape (m, 48, 48), what the model saw of each.
        probabilities: of each class, their mean over the images, shape (k,).
        expression: the most probable class.
    """

    face: Face
    squares: list[Square]
    images: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.float32]
    expression: str


class Reader:
    """Finds faces and scores them.

    Args:
        model: scores images.
        finder: finds faces.
    """

    def __init__(self, model: Scorer, finder: FaceFinder) -> None:
        self.model = model
        self._finder = finder

    def read(self, photo: Photo) -> list[Reading]:
        """The faces in a photo, from left to right; none where none is found."""
        faces = sorted(self._finder.find(photo), key=lambda face: face.box)
        if not faces:
            return []
        squares = [squares_of(face) for face in faces]
        images = [np.stack([cut(photo, square) for square in each]) for each in squares]
        scored = self.model.probabilities(np.concatenate(images))
        parts = np.split(scored, np.cumsum([len(each) for each in squares])[:-1])
        classes = self.model.classes
        return [
            Reading(face, each, seen, mean, classes[int(mean.argmax())])
            for face, each, seen, mean in zip(
                faces, squares, images, (part.mean(axis=0) for part in parts), strict=True
            )
        ]
