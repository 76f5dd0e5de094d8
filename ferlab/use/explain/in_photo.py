"""What in the faces of a photo counted for what they were read to express."""

from collections.abc import Sequence

import numpy as np
import torch

from ferlab.errors import DataError
from ferlab.use.explain.attribution import attribute
from ferlab.use.explain.overlay import over_photo
from ferlab.use.face import Photo
from ferlab.use.model import NamedModel
from ferlab.use.reader import Reading


def explained_photo(
    photo: Photo, readings: Sequence[Reading], named: NamedModel, method: str
) -> Photo:
    """The photo with a map over each face, of the first square that it was read in.

    Args:
        photo: as it was read.
        readings: its faces, as the model read them.
        named: the model, on the CPU.
        method: see `ferlab.use.explain.attribution.METHODS`.

    Raises:
        DataError: see `ferlab.use.explain.attribution.attribute`; or the model is a file's, which
            has no gradients.
    """
    if named.network is None:
        raise DataError(f"{named.what} has no gradients to be explained by")
    seen = torch.from_numpy(np.stack([reading.images[0] for reading in readings]))
    meant = torch.tensor([named.model.classes.index(each.expression) for each in readings])
    maps = attribute(named.network, seen, meant, method).numpy()
    for reading, counted in zip(readings, maps, strict=True):
        photo = over_photo(photo, reading.squares[0], counted)
    return photo
