"""What the faces of a photo are told as, whoever finds and scores them."""

import numpy as np
import numpy.typing as npt

from ferlab.use.face import Face, Photo
from ferlab.use.reader import Reader


class Brightness:
    """Takes an image for bright or dark, as sure as it is."""

    classes = ("dark", "bright")

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert images.shape[1:] == (48, 48)
        bright = images.mean(axis=(1, 2), dtype=np.float32) / 255
        return np.stack([1 - bright, bright], axis=1)


class Known:
    """Finds what it is told."""

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def find(self, photo: Photo) -> list[Face]:
        return self.faces


def test_faces_are_told_from_left_to_right_each_with_its_own_scores() -> None:
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 150:] = 204
    eyes = np.array([[220.0, 40], [240, 40]])
    right, left = Face((200, 20, 260, 80), 0.9, eyes), Face((20, 20, 80, 80), 0.8, None)
    readings = Reader(Brightness(), Known(right, left)).read(photo)
    assert [reading.face for reading in readings] == [left, right]
    assert [reading.expression for reading in readings] == ["dark", "bright"]
    assert [len(reading.squares) for reading in readings] == [1, 2]
    assert [reading.images.shape for reading in readings] == [(1, 48, 48), (2, 48, 48)]
    assert np.allclose(readings[1].probabilities, [0.2, 0.8])


def test_a_face_is_told_by_the_mean_of_its_squares() -> None:
    """In a dark photo the bright face is a larger share of the smaller square."""
    photo = np.zeros((200, 200, 3), np.uint8)
    photo[60:140, 60:140] = 255
    eyes = np.array([[80.0, 90], [120, 90]])
    reader = Reader(Brightness(), Known(Face((50, 50, 150, 150), 0.9, eyes)))
    (reading,) = reader.read(photo)
    each = Brightness().probabilities(reading.images)
    assert each[0, 1] < each[1, 1] - 0.05
    assert np.allclose(reading.probabilities, each.mean(axis=0))


def test_without_faces_nothing_is_scored() -> None:
    reader = Reader(Brightness(), Known())
    reader.model.probabilities = None  # type: ignore[method-assign, assignment]
    assert reader.read(np.zeros((9, 9, 3), np.uint8)) == []
