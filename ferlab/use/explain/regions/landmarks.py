"""Where the parts of the faces of a data set lie: known for drawn faces, found in all others."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from ferlab.config.parts.data import Data, Faces
from ferlab.data import faces
from ferlab.data.imageset import SIZE, ImageSet
from ferlab.use.face import Photo
from ferlab.use.mtcnn.cascade import Cascade

_TIMES, _AROUND = 3, 12
"""How much an image is enlarged for the finder, and how many of its pixels its edges go on for.

On 150 images of FER2013's PublicTest a face was found in each, and in 149 of them in front of grey.
"""

Landmarks = npt.NDArray[np.float64]
"""Those of `ferlab.use.face.Face`, in pixels of the image, shape (n, 5, 2); NaN if not known."""


def find_landmarks(data: Data, images: ImageSet, index: npt.NDArray[np.intp]) -> Landmarks:
    """The landmarks of some images.

    Args:
        data: the section of the config that the images are of.
        images: all there are.
        index: positions of those that are wanted, shape (n,).

    Raises:
        FerlabError: faces are to be found, and MTCNN is not installed.
    """
    if isinstance(data, Faces):
        return faces.landmarks(data.images, data.seed)[index]
    finder, found = Cascade(), np.full((len(index), 5, 2), np.nan)
    for row, i in enumerate(index.tolist()):
        seen = finder.find(_enlarged(images.images[i]))
        if seen and seen[0].landmarks is not None:
            found[row] = seen[0].landmarks / _TIMES - _AROUND
    return found


def _enlarged(image: npt.NDArray[np.uint8]) -> Photo:
    """(48, 48) -> (h, w, 3); faces that fill an image are found better with something around."""
    size = (SIZE * _TIMES, SIZE * _TIMES)
    larger = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    whole = np.pad(larger, _AROUND * _TIMES, "edge")
    return np.repeat(whole[..., None], 3, axis=2)


def source_of(data: Data) -> str:
    """How the landmarks of a data set are known, in a few words."""
    return "known from the drawing" if isinstance(data, Faces) else "found by MTCNN"
