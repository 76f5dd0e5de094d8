"""The cascade: proposals of all sizes, refined, then decided; and once more in a turned photo."""

import math

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ferlab.use.face import Face, Photo, Points
from ferlab.use.mtcnn.boxes import Boxes, distinct, moved, squares
from ferlab.use.mtcnn.networks import load_networks
from ferlab.use.mtcnn.pyramid import Pyramid

Size = tuple[int, int]
"""Width and height, in pixels."""

_SEEN, _STRIDE = 12, 2
"""Pixels that a proposal sees, and from one to the next."""

_REFINED, _DECIDED = 24, 48
"""Sides of the squares that the second and the third network look at, in pixels."""

_LARGEST = 1536
"""Longer side of the photo that is looked at, in pixels; a larger one is made smaller."""

_SMALLEST, _SHARE = 20, 1 / 20
"""Side of the smallest faces that are looked for: in pixels, and of the photo's longer side."""

_STEP = math.sqrt(0.5)
"""From one size of proposals to the next."""

_PROPOSED, _KEPT, _SURE = 0.4, 0.3, 0.5
"""Scores from which each of the networks keeps a box."""

_SHARED = 0.5
"""Of the smaller of two boxes, the share from which both are of one face."""

_TURNS = -20, 20, -40, 40
"""Degrees by which a photo is turned where no face is found in it as it stands."""


class Cascade:
    """Finds faces by MTCNN; where there is none, it looks again with the photo turned.

    The networks know faces that are upright, or nearly.

    Raises:
        FerlabError: see `ferlab.use.mtcnn.networks.load_networks`.
    """

    def __init__(self) -> None:
        self._networks = load_networks()

    def find(self, photo: Photo) -> list[Face]:
        """See `ferlab.use.face.FaceFinder`."""
        picture = Image.fromarray(photo)
        scale = min(1.0, _LARGEST / max(picture.size))
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in picture.size)
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        found = self._find(picture)
        if not found:
            found = [face for turn in _TURNS for face in self._find_turned(picture, turn)]
            boxes = np.array([face.box for face in found]).reshape(-1, 4)
            scores = np.array([face.score for face in found])
            found = [found[i] for i in distinct(boxes, scores, _SHARED, of_smaller=True)]
        return [_scaled(face, 1 / scale) for face in found]

    def _find_turned(self, picture: Image.Image, degrees: float) -> list[Face]:
        mean = tuple(round(level) for level in np.asarray(picture).mean(axis=(0, 1)))
        turned = picture.rotate(degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=mean)
        return [turned_back(f, degrees, turned.size, picture.size) for f in self._find(turned)]

    @torch.inference_mode()
    def _find(self, picture: Image.Image) -> list[Face]:
        pyramid = Pyramid(picture)
        at = squares(self._propose(pyramid))
        edges, surety = _arrays(self._networks.refine(pyramid.patches(at, _REFINED)))
        kept = surety > _KEPT
        boxes = moved(at[kept], edges[kept])
        at = squares(boxes[distinct(boxes, surety[kept], 0.7)])
        edges, places, surety = _arrays(self._networks.decide(pyramid.patches(at, _DECIDED)))
        kept = surety > _SURE
        boxes, scores = moved(at[kept], edges[kept]), surety[kept].tolist()
        landmarks = _landmarks(at[kept], places[kept])
        return [
            Face(tuple(boxes[i].tolist()), scores[i], landmarks[i])
            for i in distinct(boxes, surety[kept], _SHARED, of_smaller=True)
        ]

    def _propose(self, pyramid: Pyramid) -> Boxes:
        """Boxes of all sizes that may hold faces, shape (n, 4)."""
        longer = max(pyramid.height, pyramid.width)
        scale = _SEEN / max(_SMALLEST, _SHARE * longer)
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        while min(pyramid.height, pyramid.width) * scale >= _SEEN:
            edges, surety = _arrays(self._networks.propose(pyramid.resized(scale)))
            _, rows, columns = np.nonzero(surety > _PROPOSED)
            corner = _STRIDE * np.stack([columns, rows], axis=1)
            found = moved(np.hstack([corner, corner + _SEEN]), edges[0, :, rows, columns])
            score = surety[0, rows, columns]
            alone = distinct(found, score, 0.5)
            boxes.append(found[alone] / scale)
            scores.append(score[alone])
            scale *= _STEP
        found, score = np.concatenate(boxes), np.concatenate(scores)
        return found[distinct(found, score, 0.7)]


def turned_back(face: Face, degrees: float, turned: Size, photo: Size) -> Face:
    """A face of a photo that was turned, in the photo as it was.

    The box keeps its sides and goes where its centre was; the landmarks go where they were.

    Args:
        face: as found in the turned photo.
        degrees: by which it was turned, against the clock.
        turned: width and height of the turned photo.
        photo: of the photo as it was.
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    back = np.array([[cosine, sine], [-sine, cosine]])  # of rows (x, y), where y goes down

    def before(points: Points) -> Points:
        there: Points = (points - np.array(turned) / 2) @ back + np.array(photo) / 2
        return there

    corners = np.array(face.box).reshape(2, 2)
    centre = corners.mean(axis=0)
    left, top, right, bottom = (corners - centre + before(centre)).ravel().tolist()
    landmarks = None if face.landmarks is None else before(face.landmarks)
    return Face((left, top, right, bottom), face.score, landmarks)


def _scaled(face: Face, by: float) -> Face:
    left, top, right, bottom = (edge * by for edge in face.box)
    landmarks = None if face.landmarks is None else face.landmarks * by
    return Face((left, top, right, bottom), face.score, landmarks)


def _landmarks(at: Boxes, places: Boxes) -> Points:
    """(n, 4), (n, 10) -> the landmarks of each, shape (n, 5, 2)."""
    sides = (at[:, 2:] - at[:, :2])[:, None]
    found: Points = at[:, None, :2] + sides * np.stack([places[:, :5], places[:, 5:]], axis=2)
    return found


def _arrays(outputs: list[Tensor]) -> list[npt.NDArray[np.float64]]:
    return [output.double().numpy() for output in outputs]
