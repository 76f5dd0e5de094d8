"""Read the files in a folder, an archive or a single file, none of which is trusted.

Nothing is extracted to disk. A member is refused when its path leaves the archive, when it is not
a regular file, or when it unpacks to more than a data set of small pictures could hold.
"""

import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, NamedTuple
from zipfile import ZipInfo

from ferlab import archive
from ferlab.errors import DataError

MAX_MEMBERS = 200_000
"""Largest number of files in a source: five times the pictures of FER2013."""

MAX_MEMBER_BYTES = 512 * 2**20
"""Largest size of one file; the challenge's CSV, the largest one wanted, has 301 MB."""

MAX_TOTAL_BYTES = 2 * 2**30
"""Largest unpacked size of a source; the challenge's whole download has about 0.7 GB."""

MAX_RATIO = 100
"""Largest compression ratio; pixels as text reach about 4:1, pictures 1:1, a bomb 1000:1."""

HARMLESS_BYTES = 16 * 2**20
"""Unpacked size up to which any compression ratio is accepted."""

_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


class Member(NamedTuple):
    """One regular file of a source.

    Attributes:
        name: the path inside the source, with forward slashes.
        stream: its unpacked bytes, open until the next member is asked for.
    """

    name: str
    stream: IO[bytes]


_Members = Generator[Member, None, None]


@contextmanager
def opened(source: Path) -> Iterator[Iterator[Member]]:
    """Open a folder, a zip, a gzipped tar or any other file, recognised by content.

    What desktop systems leave behind (``.DS_Store``, ``__MACOSX``, ``Thumbs.db``) is skipped.
    A file that is no archive is its own only member.

    Raises:
        DataError: the source cannot be read, is damaged, is encrypted, or breaks a limit. Errors
            raised while a member's stream is read inside the ``with`` block become one too.
    """
    with _explained(source), closing(_members(source)) as members:
        yield (member for member in members if not _is_litter(member.name))


def file_stamp(source: Path) -> dict[str, object]:
    """Identify the state of a source without reading its contents.

    Returns:
        The resolved path with size and modification time; for a folder, with a digest of the
        names, sizes and times of all files in it.

    Raises:
        DataError: the source or a folder in it cannot be listed.
    """
    with _explained(source):
        key: dict[str, object] = {"path": str(source.resolve())}
        if not source.is_dir():
            state = source.stat()
            return key | {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
        listing = hashlib.blake2b(digest_size=16)
        for name, state in _walk(source):
            listing.update(
                f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode(errors="replace")
            )
        return key | {"listing": listing.hexdigest()}


def _members(source: Path) -> _Members:
    if source.is_dir():
        return _folder(source)
    if not source.is_file():
        raise DataError(f"{source} is neither a file nor a folder")
    with source.open("rb") as file:
        magic = file.read(2)
    if magic == b"PK":
        return _zip(source)
    if magic == b"\x1f\x8b":
        return _tar_gz(source)
    return _file(source, source.name)


def _file(path: Path, name: str) -> _Members:
    _check_size(name, path.stat().st_size, path)
    with path.open("rb") as stream:
        yield Member(name, stream)


def _folder(source: Path) -> _Members:
    for name, _ in _walk(source):
        yield from _file(source / name, name)


def _zip(source: Path) -> _Members:
    def check(infos: Sequence[ZipInfo]) -> None:
        members = [info for info in infos if not info.is_dir()]
        _check_count(len(members), source)
        _check_total(sum(info.file_size for info in members), source)
        for info in members:
            name = _safe(info.filename, source)
            _check_size(name, info.file_size, source)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG}:
                raise DataError(f"{source}: {name} is a link or device; only plain files are read")
            if info.flag_bits & 1:
                raise DataError(f"{source} is password-protected; give a copy without a password")
            if not archive.is_bounded(info):
                raise DataError(f"{source}: {name} is not packed with deflate; pack the zip anew")

    for info, stream in archive.members(source, check):
        if not info.is_dir():
            yield Member(_safe(info.filename, source), stream)


def _tar_gz(source: Path) -> _Members:
    # Read in one pass: seeking back in a gzip stream would unpack it from its beginning.
    with (
        GzipFile(source) as unpacked,
        tarfile.open(fileobj=_Metered(unpacked, source), mode="r|") as tar,
    ):
        for count, info in enumerate(tar, start=1):
            _check_count(count, source)
            name = _safe(info.name, source)
            if info.isdir():
                continue
            _check_size(name, info.size, source)
            stream = tar.extractfile(info) if info.isreg() else None
            if stream is None:
                raise DataError(f"{source}: {name} is a link or device; only plain files are read")
            yield Member(name, stream)


class _Metered(io.RawIOBase):
    """An unpacking stream that counts what comes out, since a tar has no index to check first."""

    def __init__(self, unpacked: GzipFile, source: Path) -> None:
        self._unpacked = unpacked
        self._source = source
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._unpacked.read(size)
        self._count += len(data)
        _check_total(self._count, self._source)
        return data


def _walk(source: Path) -> list[tuple[str, os.stat_result]]:
    """The relative names of all regular files below a folder, sorted, with the state of each."""

    def refuse(error: OSError) -> None:
        raise error

    found: list[tuple[str, os.stat_result]] = []
    for folder, _, names in os.walk(source, onerror=refuse):
        inside = PurePath(folder).relative_to(source).as_posix()
        states = (
            (f"{inside}/{name}".removeprefix("./"), Path(folder, name).stat()) for name in names
        )
        found += [(name, state) for name, state in states if stat.S_ISREG(state.st_mode)]
        _check_count(len(found), source)
    return sorted(found)


def _safe(name: str, source: Path) -> str:
    """The name with forward slashes; refused if it leads out of the archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
        raise DataError(f"{source}: member {name!r} leads out of the archive; do not trust it")
    return str(path)


def _is_litter(name: str) -> bool:
    return any(part in _LITTER or part.startswith(".") for part in name.split("/"))


def _check_count(count: int, source: Path) -> None:
    if count > MAX_MEMBERS:
        raise DataError(f"{source} holds more than {MAX_MEMBERS:,} files; FER2013 has 35,887")


def _check_size(name: str, size: int, source: Path) -> None:
    if size > MAX_MEMBER_BYTES:
        raise DataError(
            f"{source}: {name} has {size:,} bytes; no file of FER2013 exceeds {MAX_MEMBER_BYTES:,}"
        )


def _check_total(size: int, source: Path) -> None:
    packed = source.stat().st_size
    if size > MAX_TOTAL_BYTES or size > max(HARMLESS_BYTES, MAX_RATIO * packed):
        raise DataError(
            f"{source} unpacks from {packed:,} to {size:,} bytes or more, beyond any FER2013 "
            f"archive (at most {MAX_TOTAL_BYTES:,} bytes and {MAX_RATIO}:1); do not trust it"
        )


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    """Turn what the readers raise into a `DataError`."""
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
        UnicodeDecodeError,
    ) as error:
        raise DataError(
            f"{source} cannot be unpacked ({error}): it is damaged or cut short; get it anew"
        ) from error
    except OSError as error:
        where = error.filename or source
        raise DataError(f"{where} cannot be read: {error.strerror or error}") from error
