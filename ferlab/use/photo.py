"""Photos as people have them: of any format, size and mode, none of which is trusted."""

import io
import warnings

import numpy as np
from PIL import Image

from ferlab.data import pictures
from ferlab.errors import DataError
from ferlab.use.extra import EXTRA
from ferlab.use.face import Photo

try:
    from pillow_heif import register_heif_opener
except ImportError:
    _HEIC: tuple[str, ...] = ()
else:
    register_heif_opener()
    _HEIC = ("HEIF",)

FORMATS = (*pictures.FORMATS, "GIF", "AVIF", *_HEIC)
"""Of photos, by Pillow's names."""

SUFFIXES = pictures.SUFFIXES | {".gif", ".avif", ".heic", ".heif", ".hif"}
"""Endings by which a file in a folder is taken for a photo."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
"""What a HEIC file says it is, from its ninth byte."""

# Sizes are looked at below, before anything is decoded.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode(data: bytes, name: str) -> Photo:
    """A photo, upright: of several pictures in a file, the first.

    Args:
        data: the file's bytes.
        name: of the file, for messages.

    Raises:
        DataError: it is too large, damaged, or no picture in one of the formats.
    """
    if not data:
        raise DataError(f"{name} is empty")
    if not _HEIC and data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        raise DataError(f"{name} is HEIC, which is read by ferlab[use] alone: {EXTRA}")
    with pictures.open_picture(io.BytesIO(data), name, pictures.MAX_BYTES, FORMATS) as picture:
        width, height = picture.size
        if width * height > pictures.MAX_PIXELS:
            raise DataError(
                f"{name} has {width:,} x {height:,} pixels; photos may have {pictures.MAX_PIXELS:,}"
            )
        try:
            standing = pictures.upright(picture)
            photo = None if standing is None else np.asarray(standing.convert("RGB"))
        except Exception as error:  # decoders raise nearly anything on broken input
            raise DataError(f"{name} is damaged: {' '.join(str(error).split())}") from error
    if photo is None:
        raise DataError(f"{name} has levels of no known range ({picture.mode}); save it as PNG")
    return photo
