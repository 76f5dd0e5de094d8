"""Picture files, none of which is trusted, become grey levels."""

import io
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ferlab.data.imageset import SIZE
from ferlab.errors import DataError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
"""Endings by which a file is taken for a picture."""

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
"""Largest size of a picture's file, and of its decoded pixels, where any size is read."""

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")
"""Of the pictures of a data set, by Pillow's names."""

_SPELT = {"WEBP": "WebP", "HEIF": "HEIC"}


def open_picture(
    stream: IO[bytes], where: str, limit: int, formats: tuple[str, ...] = FORMATS
) -> Image.Image:
    """Open a picture; its pixels are not decoded yet, so that its size can be looked at first.

    Args:
        stream: the file.
        where: the file, as a message names it.
        limit: largest size of the file, in bytes.
        formats: that it may have, by Pillow's names.

    Raises:
        DataError: it is too large, or no picture in one of the formats.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise DataError(f"{where} is larger than {limit:,} bytes")
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{where} has more pixels than any picture") from error
    except Exception as error:  # decoders raise nearly anything on broken input
        raise unreadable(where, formats) from error


def unreadable(where: str, formats: tuple[str, ...] = FORMATS) -> DataError:
    """The error of a picture that cannot be decoded."""
    *known, last = (_SPELT.get(name, name) for name in formats)
    return DataError(f"{where} is no readable picture ({', '.join(known)} or {last})")


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


def upright(picture: Image.Image) -> Image.Image | None:
    """Decode a picture, turned as its EXIF says, 8 bits deep, and opaque, in front of white.

    None without a known depth.

    Raises:
        Exception: decoders raise nearly anything on broken input.
    """
    standing = ImageOps.exif_transpose(picture)
    if standing.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(standing) >> 8).astype(np.uint8))
    if standing.mode in {"I", "F"}:
        return None
    if not standing.has_transparency_data:
        return standing
    layer = standing.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    paper.alpha_composite(layer)
    return paper.convert("RGB")


class Fitted(NamedTuple):
    """A picture that was made grey and brought to the size of an image.

    Attributes:
        levels: uint8, shape (48, 48).
        width: of the file's picture, in pixels.
        height: of the file's picture, in pixels.
        mode: ``grey`` or ``colour``, as the file has it.
    """

    levels: npt.NDArray[np.uint8]
    width: int
    height: int
    mode: str


def fitted_grey(stream: IO[bytes]) -> Fitted | None:
    """Read a picture of any size and mode; None where it cannot be read.

    It is cut to its central square and resized by Pillow's bicubic filter; one of 48x48 pixels in
    grey levels stays as it is.
    """
    try:
        with open_picture(stream, "", MAX_BYTES) as picture:
            (width, height), mode = picture.size, picture.mode
            if width * height > MAX_PIXELS:
                return None
            picture.draft("L", (2 * SIZE, 2 * SIZE))  # a JPEG is decoded no larger than it must be
            standing = upright(picture)
            if standing is None:
                return None
            levels = np.asarray(ImageOps.fit(standing.convert("L"), (SIZE, SIZE)))
    except Exception:  # decoders raise nearly anything on broken input
        return None
    return Fitted(levels, width, height, "grey" if mode[0] in "L1I" else "colour")
