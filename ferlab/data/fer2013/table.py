"""The challenge's CSV: emotion, pixels and usage of an image in each row."""

import csv
import warnings
from typing import IO, NamedTuple

import numpy as np

from ferlab.data.fer2013.words import USAGES, parse_emotion, parse_usage
from ferlab.data.gather import Gathered
from ferlab.data.imageset import SIZE
from ferlab.errors import DataError

COLUMNS = ("emotion", "pixels", "usage")

_DELIMITERS = ",;\t"
_MAX_HEADER_BYTES = 1024


class Header(NamedTuple):
    """The first line of a file, as that of a CSV.

    Attributes:
        bytes: the line, or its beginning.
        columns: its fields in lower case.
        delimiter: what stands between them.
    """

    bytes: bytes
    columns: list[str]
    delimiter: str

    def missing(self) -> list[str]:
        """Those of `COLUMNS` that it has not."""
        return [column for column in COLUMNS if column not in self.columns]


def read_header(stream: IO[bytes]) -> Header:
    """Read the first line, under the delimiter that makes the most of it."""
    line = stream.readline(_MAX_HEADER_BYTES)
    text = line.decode("utf-8-sig", "replace")
    headers = [
        Header(
            line, [column.strip(' "\r\n').lower() for column in text.split(delimiter)], delimiter
        )
        for delimiter in _DELIMITERS
    ]
    return min(headers, key=lambda header: len(header.missing()))


def read_rows(stream: IO[bytes], header: Header, where: str, images: Gathered) -> None:
    """Read all rows below a header.

    Raises:
        DataError: a row is not what the header promises.
    """
    emotion, pixels, usage = (header.columns.index(column) for column in COLUMNS)
    lines = (line.decode() for line in stream)
    rows = csv.reader(lines, delimiter=header.delimiter, skipinitialspace=True)
    try:
        for row in rows:
            if not row:
                continue
            line = f"{where}, line {rows.line_num + 1}"  # one line, the header, came before
            if len(row) != len(header.columns):
                raise DataError(f"{line}: expected {len(header.columns)} fields, found {len(row)}")
            label = parse_emotion(row[emotion])
            if label is None:
                raise DataError(
                    f"{line}: unknown emotion {row[emotion]!r}; expected 0 to 6 (0 angry, "
                    "1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral) or such a word"
                )
            name = parse_usage(row[usage], line)
            levels = _parse_pixels(row[pixels], line)
            images.add(levels, label, USAGES[name], f"{name}_{len(images.names)}")
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
