"""Picture files, none of which is trusted, become grey levels."""

import io
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from ferlab.errors import DataError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
"""Endings by which a file is taken for a picture."""

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")


def open_picture(stream: IO[bytes], where: str, limit: int) -> Image.Image:
    """Open a picture; its pixels are not decoded yet, so that its size can be looked at first.

    Args:
        stream: the file.
        where: the file, as a message names it.
        limit: largest size of the file, in bytes.

    Raises:
        DataError: it is too large, or no picture in a known format.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise DataError(f"{where} is larger than {limit:,} bytes")
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except Exception as error:  # decoders raise nearly anything on broken input
        raise unreadable(where) from error


def unreadable(where: str) -> DataError:
    """The error of a picture that cannot be decoded."""
    return DataError(f"{where} is no readable picture (JPEG, PNG, BMP, TIFF, WebP or PPM)")


def exact_grey(picture: Image.Image) -> npt.NDArray[np.uint8] | None:
    """The grey levels of a picture of any mode, shape (h, w); None if it is not grey.

    A colour picture is grey where its channels are equal and nothing shines through.
    """
    if picture.mode == "L":
        return np.asarray(picture)
    if picture.mode not in {"1", "P", "LA", "PA", "RGB", "RGBA"}:
        return None
    red, green, blue, alpha = np.moveaxis(np.asarray(picture.convert("RGBA")), -1, 0)
    is_grey = (red == green).all() and (green == blue).all() and (alpha == 255).all()
    return red if is_grey else None
