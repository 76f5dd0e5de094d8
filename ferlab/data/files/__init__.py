"""Read the files in a folder, an archive or a single file, none of which is trusted.

Nothing is extracted to where a member's name says. A member is refused when its path leaves the
archive, when it is not a regular file, or when more comes out than the data could hold.
"""

import hashlib
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from gzip import BadGzipFile
from pathlib import Path

from ferlab.data.files import members
from ferlab.data.files.formats import unpacked_name
from ferlab.data.files.limits import Limits
from ferlab.data.files.members import Member
from ferlab.errors import DataError
from ferlab.untrusted import archive

_LAYERS = 2
"""How many archives inside each other are opened, besides the source: a published download is a zip
around a gzipped tar, and some keep it in a folder."""


@contextmanager
def opened(source: Path, limits: Limits, *, inside: bool = False) -> Iterator[Iterator[Member]]:
    """Open a folder, an archive (zip; tar; gzip, bzip2, xz) or any other file, known by content.

    What desktop systems leave behind (``.DS_Store``, ``__MACOSX``, ``Thumbs.db``) is skipped.
    A file that is no archive is its own only member, as is what a compressed file holds.

    Args:
        source: the folder or file.
        limits: what it may hold.
        inside: whether archives in it are opened, too.

    Raises:
        DataError: the source cannot be read, is damaged, is encrypted, or breaks a limit. Errors
            raised while a member's stream is read inside the ``with`` block become one too.
    """
    layers = _LAYERS if inside else 0
    if not source.is_dir() and not source.is_file():
        raise DataError(f"{source} is neither a file nor a folder")
    if source.is_dir():
        found, own = members.of_folder(source, limits, layers), ""
    else:
        found = members.of_file(source, source.name, limits, layers + 1)
        own = f"{unpacked_name(source.name)}/"
    with explained(source), closing(found):
        yield (Member(name.removeprefix(own), stream) for name, stream in found)


def file_stamp(source: Path, limits: Limits) -> dict[str, object]:
    """Identify the state of a source without reading its contents.

    Returns:
        The resolved path with size and modification time; for a folder, with a digest of the
        names, sizes and times of all files in it.

    Raises:
        DataError: the source or a folder in it cannot be listed.
    """
    with explained(source):
        key: dict[str, object] = {"path": str(source.resolve())}
        if not source.is_dir():
            state = source.stat()
            return key | {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
        listing = hashlib.blake2b(digest_size=16)
        for name, state in members.walk(source, limits):
            listing.update(
                f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode(errors="replace")
            )
        return key | {"listing": listing.hexdigest()}


@contextmanager
def explained(source: Path) -> Iterator[None]:
    """Turn what reading a file raises into a `DataError`."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            f"{error.filename or source}: no permission to read it; make it readable for you"
        ) from error
    except (
        *archive.DAMAGED,
        tarfile.TarError,
        BadGzipFile,
        lzma.LZMAError,
        UnicodeDecodeError,
    ) as error:
        raise _damaged(source, error) from error
    except OSError as error:
        if error.errno is None:  # so says bz2
            raise _damaged(source, error) from error
        where = error.filename or source
        raise DataError(f"{where} cannot be read: {error.strerror or error}") from error


def _damaged(source: Path, error: Exception) -> DataError:
    return DataError(
        f"{source} cannot be unpacked ({error}): it is damaged or cut short; get it anew"
    )
