"""Zip files that nobody vouches for, read without a byte more than was agreed to.

zipfile hands out no more of a member than its header declares and then compares the checksum, so a
limit on the declared size holds for what is read as well. That is so for what is stored or
deflated; other methods unpack a whole block at once, however large it is.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What reading a zip raises that is cut short, altered, or of a later version than is known."""


DIRECTORY = 2**26
"""Largest list of members that is read, in bytes: that of some 700,000 pictures."""


class _Small(io.RawIOBase):
    """A file of which no long piece is read at a time while zipfile reads its list of members."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.is_listed = False

    def read(self, size: int = -1) -> bytes:
        if self.is_listed:
            return self._file.read(size)
        data = self._file.read(min(size, self._limit + 1) if size >= 0 else self._limit + 1)
        if len(data) > self._limit:
            raise zipfile.BadZipFile(f"its list of members has more than {self._limit:,} bytes")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


Check = Callable[[Sequence[zipfile.ZipInfo]], None]
"""Is given all members before any is unpacked, to refuse names, sizes, and what `is_bounded` says
no to."""


@contextmanager
def opened_zip(
    source: IO[bytes], check: Check, directory: int = DIRECTORY
) -> Iterator[zipfile.ZipFile]:
    """A zip whose members were checked.

    Args:
        source: the zip, which can be sought in.
        check: see `Check`.
        directory: largest size of the list of members, in bytes.
    """
    small = _Small(source, directory)
    with zipfile.ZipFile(small) as archive:
        small.is_listed = True  # a member that is stored may be read in one piece
        check(archive.infolist())
        yield archive


def members(
    source: IO[bytes], check: Check, directory: int = DIRECTORY
) -> Generator[tuple[zipfile.ZipInfo, IO[bytes]], None, None]:
    """The members of a zip, folders among them, each open until the next one is asked for.

    Arguments are those of `opened_zip`.
    """
    with opened_zip(source, check, directory) as archive:
        for info in archive.infolist():
            with archive.open(info) as stream:
                yield info, stream


def is_bounded(info: zipfile.ZipInfo) -> bool:
    """Whether it unpacks to no more than it declares, at any moment."""
    return info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
