"""What the faces in a photo express."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ferlab.use.crop import cut, square_of
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
        image: uint8, shape (48, 48), what the model saw of it.
        probabilities: of each class, shape (k,).
        expression: the most probable class.
    """

    face: Face
    image: npt.NDArray[np.uint8]
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
        images = np.stack([cut(photo, square_of(face)) for face in faces])
        scored = self.model.probabilities(images)
        classes = self.model.classes
        return [
            Reading(face, image, row, classes[int(row.argmax())])
            for face, image, row in zip(faces, images, scored, strict=True)
        ]
