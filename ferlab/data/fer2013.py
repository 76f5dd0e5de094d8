"""FER2013 in each of its published forms: Kaggle's folder tree and the challenge's CSV.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning". The tree is Kaggle's data
set ``msambare/fer2013``, zipped or unpacked; the CSV is ``fer2013.csv`` or ``icml_face_data.csv``,
plain, zipped or in a gzipped tar. The same pixels come out of each with the same hash and class.
"""

import csv
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from ferlab.data import files
from ferlab.data.cache import cached
from ferlab.data.imageset import EXPRESSIONS, SIZE, ImageSet, Split
from ferlab.errors import DataError

_VERSION = 1
"""Version of the reader, part of the cache key; raise it when a file reads differently."""

_USAGES = {"Training": Split.TRAIN, "PublicTest": Split.VAL, "PrivateTest": Split.TEST}

# The CSV counts classes in another order than the folders sort in; mixing the two up would
# silently swap three classes.
_CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_LABEL_OF_CODE = {str(code): EXPRESSIONS.index(name) for code, name in enumerate(_CODES)}

_COLUMNS = ("emotion", "pixels", "usage")
_PICTURES = {".jpg", ".jpeg", ".png"}

_MAX_HEADER_BYTES = 1024
_MAX_PICTURE_BYTES = 2**20
"""Largest size of a picture; one of 48x48 takes about 2 kB, the rest is room for metadata."""

_GET_IT = (
    "download the Kaggle data set msambare/fer2013 or the challenge's fer2013.csv "
    "and set data.path to the file or folder"
)


def load(path: str | None) -> ImageSet:
    """Read FER2013 under the official split, from the cache if it has been read before.

    The form is recognised by content. Training is `Split.TRAIN`, PublicTest `Split.VAL` and
    PrivateTest `Split.TEST`. Images of a tree are named like ``train/angry/Training_3908.jpg``
    and sorted by name; those of a CSV are named like ``Training_0``, counted from the first row,
    and keep its order.

    Raises:
        DataError: the path leads nowhere or is not FER2013 in one of its forms, or something in it
            is not what the form promises.
    """
    if not path:
        raise DataError(f"data.path is not set: {_GET_IT}")
    try:
        source = Path(path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"data.path={path} cannot be found ({reason}): {_GET_IT}") from error
    key = {"reader": "fer2013", "version": _VERSION} | files.file_stamp(source)
    return cached(key, lambda: _read(source))


@dataclass
class _Images:
    """Images as they are found, in no particular order; ``pixels`` holds 48 x 48 bytes of each."""

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    split: list[Split] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, pixels: bytes, label: int, split: Split, name: str) -> None:
        self.pixels += pixels
        self.labels.append(label)
        self.split.append(split)
        self.names.append(name)

    def gather(self, order: npt.NDArray[np.intp]) -> ImageSet:
        images = np.frombuffer(self.pixels, np.uint8).reshape(-1, SIZE, SIZE)
        labels, split, names = map(np.array, (self.labels, self.split, self.names))
        return ImageSet.of(images[order], labels[order], split[order], names[order])


def _read(source: Path) -> ImageSet:
    tree, table = _Images(), _Images()
    tables: list[str] = []
    refused: list[str] = []
    with files.opened(source) as members:
        for name, stream in members:
            where = f"{source}: {name}" if name != source.name else f"{source}"
            if PurePosixPath(name).suffix.lower() in _PICTURES:
                tree.add(_decode(stream, where), *_parse_path(name, where))
                continue
            header = _header(stream)
            missing = [column for column in _COLUMNS if column not in header]
            if not missing:
                tables.append(name)
                if len(tables) == 1:
                    _read_table(stream, header, where, table)
            elif len(missing) < len(_COLUMNS):
                refused.append(
                    f"{where} has no column {' and '.join(missing)}; "
                    "the columns must be emotion, pixels and Usage"
                )
    found = tables + ["train/ and test/"] * bool(tree.names)
    if len(found) > 1:
        raise DataError(f"{source} holds {' and '.join(found)}; set data.path to just one of them")
    if not found:
        raise DataError(refused[0] if refused else _unknown(source))
    if duplicates := len(tree.names) - len(set(tree.names)):
        raise DataError(
            f"{source} holds {duplicates:,} pictures twice, under several train/ or test/ folders; "
            "set data.path to just one copy"
        )
    if tables:
        images = table.gather(np.arange(len(table.names)))
    else:
        images = tree.gather(np.argsort(tree.names))
    if empty := [name for name, count in images.counts(Split.TRAIN).items() if not count]:
        raise DataError(
            f"{source} has no training image of class {', '.join(empty)}; "
            f"FER2013 has some of each of {', '.join(EXPRESSIONS)}"
        )
    return images


def _unknown(source: Path) -> str:
    return (
        f"{source} is not FER2013 in a known form: expected train/<class>/ and test/<class>/ with "
        "pictures, or a CSV with columns emotion, pixels and Usage; as folder, file, .zip or "
        ".tar.gz"
    )


def _parse_path(name: str, where: str) -> tuple[int, Split, str]:
    """Label, split and name, the last independent of nesting, from a picture's path."""
    parts = PurePosixPath(name).parts[-3:]
    if len(parts) < 3 or parts[0] not in {"train", "test"}:
        raise DataError(f"{where} must lie in a folder train/<class>/ or test/<class>/")
    _, expression, file = parts
    if expression not in EXPRESSIONS:
        raise DataError(f"{where}: unknown class {expression!r}; expected {', '.join(EXPRESSIONS)}")
    return EXPRESSIONS.index(expression), _usage(file.partition("_")[0], where), "/".join(parts)


def _usage(usage: str, where: str) -> Split:
    if usage not in _USAGES:
        raise DataError(f"{where}: unknown usage {usage!r}; expected {', '.join(_USAGES)}")
    return _USAGES[usage]


def _decode(stream: IO[bytes], where: str) -> bytes:
    data = stream.read(_MAX_PICTURE_BYTES + 1)
    if len(data) > _MAX_PICTURE_BYTES:
        raise DataError(f"{where} is larger than {_MAX_PICTURE_BYTES:,} bytes; expected about 2 kB")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            (width, height), mode = picture.size, picture.mode
            # Decoding waits for the size: it says how much memory that takes.
            pixels = picture.tobytes() if (width, height, mode) == (SIZE, SIZE, "L") else None
    except Exception as error:  # decoders raise nearly anything on broken input
        raise DataError(f"{where} is no readable JPEG or PNG; get the data anew") from error
    if pixels is None:
        raise DataError(
            f"{where} is {width}x{height} in mode {mode}; "
            f"expected {SIZE}x{SIZE} in 8-bit greyscale (mode L)"
        )
    return pixels


def _header(stream: IO[bytes]) -> list[str]:
    """The fields of the first line, in lower case; the column names if this is a CSV."""
    line = stream.readline(_MAX_HEADER_BYTES).decode("utf-8-sig", "replace")
    return [column.strip(' "\r\n').lower() for column in line.split(",")]


def _read_table(stream: IO[bytes], header: list[str], where: str, images: _Images) -> None:
    emotion, pixels, usage = (header.index(column) for column in _COLUMNS)
    rows = csv.reader((line.decode() for line in stream), skipinitialspace=True)
    try:
        for row in rows:
            if not row:
                continue
            line = f"{where}, line {rows.line_num + 1}"  # one line, the header, came before
            if len(row) != len(header):
                raise DataError(f"{line}: expected {len(header)} fields, found {len(row)}")
            label = _LABEL_OF_CODE.get(row[emotion].strip())
            if label is None:
                raise DataError(f"{line}: unknown emotion {row[emotion]!r}; expected 0 to 6")
            name = row[usage].strip()
            split = _usage(name, line)
            images.add(
                _parse_pixels(row[pixels], line), label, split, f"{name}_{len(images.names)}"
            )
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"{where}, after line {rows.line_num + 1}: no readable CSV ({error}); get it anew"
        ) from error


def _parse_pixels(text: str, line: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # fromstring warns where it stops at what is no number
        try:
            values = np.fromstring(text, np.int64, sep=" ")
        except (ValueError, DeprecationWarning) as error:
            raise DataError(f"{line}: pixels must be whole numbers parted by spaces") from error
    if len(values) != SIZE * SIZE:
        raise DataError(f"{line}: expected {SIZE * SIZE:,} pixels, found {len(values):,}")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{line}: pixels must lie in 0-255, found {values.min()}-{values.max()}")
    return values.astype(np.uint8).tobytes()
