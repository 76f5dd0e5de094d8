"""Where photos come from: files, folders of them, and standard input."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from ferlab.data.pictures import MAX_BYTES
from ferlab.errors import DataError
from ferlab.text import printable
from ferlab.use.photo import SUFFIXES

STDIN = "-"
"""Stands for a photo on standard input, or for paths there."""

_PICTURE = re.compile(rb"\xff\xd8|\x89PNG|BM|II\*\0|MM\0\*|RIFF|GIF8|P[1-6]\s|.{4}ftyp", re.DOTALL)
"""How the bytes of a picture begin; a path does not."""


class Source(NamedTuple):
    """A photo that is still to be decoded.

    Attributes:
        name: for people to read.
        path: its file; None for standard input.
        data: its bytes, if they were read already.
    """

    name: str
    path: Path | None
    data: bytes | None = None

    def read(self) -> bytes:
        """Its bytes, no more of them than one too many.

        Raises:
            DataError: they cannot be read.
        """
        if self.path is None:
            return self.data or b""
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # the latter, of a name with a zero
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{self.name} cannot be read: {reason}") from error


def listed(arguments: Sequence[str], stdin: IO[bytes]) -> Iterator[Source | DataError]:
    """The photos that are meant, and what is wrong with those that are none, in order.

    Args:
        arguments: paths of photos and of folders, in which all photos are meant, however deep; and
            `STDIN`, for a photo in ``stdin``, or paths there, a line each or ended by zeros.
        stdin: read at the first `STDIN`.
    """
    for argument in arguments:
        if argument == STDIN:
            yield from _of_stdin(stdin)
        else:
            yield from _of_path(Path(argument))


def _of_stdin(stdin: IO[bytes]) -> Iterator[Source | DataError]:
    data = stdin.read(MAX_BYTES + 1)
    if _PICTURE.match(data):
        yield Source("standard input", None, data)
        return
    paths = list(filter(None, data.split(b"\0") if b"\0" in data else data.splitlines()))
    if not paths or len(data) > MAX_BYTES:
        size = "empty" if not paths else f"larger than {MAX_BYTES:,} bytes"
        yield DataError(f"standard input is {size}; it may hold a photo, or paths of photos")
        return
    for path in paths:
        yield from _of_path(Path(os.fsdecode(path)))


def _of_path(path: Path) -> Iterator[Source | DataError]:
    if not os.path.isdir(path):  # noqa: PTH112  Path's own raises on a zero in the name
        yield Source(printable(path), path)
        return
    problems: list[DataError] = []

    def report(error: OSError) -> None:
        problems.append(DataError(f"{printable(error.filename)} cannot be read: {error.strerror}"))

    found = []
    for folder, folders, files in os.walk(path, onerror=report):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(folder, name)
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    yield from problems
    yield from (Source(printable(photo), photo) for photo in sorted(found))
    if not found and not problems:
        endings = ", ".join(sorted(SUFFIXES))
        yield DataError(f"{printable(path)} holds no photo: no file that ends in {endings}")
