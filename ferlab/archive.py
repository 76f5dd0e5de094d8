"""Zip files that nobody vouches for, read without a byte more than was agreed to.

zipfile hands out no more of a member than its header declares and then compares the checksum, so a
limit on the declared size holds for what is read as well. That is so for what is stored or
deflated; other methods unpack a whole block at once, however large it is.
"""

import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What reading a zip raises that is cut short, altered, or of a later version than is known."""


def members(
    source: Path | IO[bytes], check: Callable[[Sequence[zipfile.ZipInfo]], None]
) -> Generator[tuple[zipfile.ZipInfo, IO[bytes]], None, None]:
    """The members of a zip, folders among them, each open until the next one is asked for.

    Args:
        source: the zip, or its bytes, which can be sought in.
        check: is given all of them before any is unpacked, to refuse names, sizes, and what
            `is_bounded` says no to.
    """
    with zipfile.ZipFile(source) as archive:
        check(archive.infolist())
        for info in archive.infolist():
            with archive.open(info) as stream:
                yield info, stream


def is_bounded(info: zipfile.ZipInfo) -> bool:
    """Whether it unpacks to no more than it declares, at any moment."""
    return info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
