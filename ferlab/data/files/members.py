"""The members of folders and archives, and of the archives inside them, one after the other."""

import io
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Generator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple, cast
from zipfile import ZipInfo

from ferlab.data.files import formats
from ferlab.data.files.limits import HARMLESS_BYTES, Budget, Limits
from ferlab.errors import DataError
from ferlab.untrusted import archive

_LITTER = {"__macosx", "thumbs.db", "desktop.ini"}


class Member(NamedTuple):
    """One regular file of a source.

    Attributes:
        name: the path inside the source, with forward slashes; an archive inside counts as a folder
            that is named like it, without its ending.
        stream: its unpacked bytes, open until the next member is asked for.
    """

    name: str
    stream: IO[bytes]


_Members = Generator[Member, None, None]


def of_folder(source: Path, limits: Limits, layers: int) -> _Members:
    """The files below a folder; so many layers of archives in it are opened."""
    for name, _ in walk(source, limits):
        if not _is_litter(name):
            yield from of_file(source / name, name, limits, layers)


def of_file(path: Path, name: str, limits: Limits, layers: int) -> _Members:
    """What is in an archive on the disk, or the file itself if it is none.

    Args:
        path: the file.
        name: its name as a member, if it is no archive; else the folder in which its members are.
        limits: of the source.
        layers: how many archives inside each other are opened, this one among them.
    """
    size = path.stat().st_size
    budget = Budget(limits, size, str(path))
    with path.open("rb") as file:
        members = _opened(file, name, budget, layers) if layers else None
        if members is not None:
            yield from members
        else:
            budget.require_size(name, size)
            yield Member(name, file)


def walk(source: Path, limits: Limits) -> list[tuple[str, os.stat_result]]:
    """The relative names of all regular files below a folder, sorted, with the state of each.

    Links are followed.
    """

    def refuse(error: OSError) -> None:
        raise error

    budget = Budget(limits, 0, str(source))
    found: list[tuple[str, os.stat_result]] = []
    for folder, below, names in os.walk(source, onerror=refuse, followlinks=True):
        for path in filter(Path.is_symlink, (Path(folder, name) for name in below)):
            if any(path.samefile(above) for above in path.parents):
                raise DataError(f"{path} is a link to a folder that it lies in")
        inside = PurePath(folder).relative_to(source).as_posix()
        states = (
            (f"{inside}/{name}".removeprefix("./"), Path(folder, name).stat()) for name in names
        )
        new = [(name, state) for name, state in states if stat.S_ISREG(state.st_mode)]
        budget.spend_members(len(new))
        found += new
    return sorted(found)


def _opened(file: IO[bytes], name: str, budget: Budget, layers: int) -> _Members | None:
    """The members of an archive; None if the file is no archive."""
    inside = formats.unpacked_name(name)
    if formats.is_zip(file, name):
        return _zip(file, inside, budget, layers)
    if formats.is_tar(file):
        return _tar(file, inside, budget, layers)
    if opens := formats.opener(file):
        return _decompressed(file, opens, inside, budget, layers)
    return None


def _within(name: str, stream: IO[bytes], budget: Budget, layers: int) -> _Members:
    """What is in a member that is an archive, or the member itself if it is none."""
    if _is_litter(name):
        return
    if layers < 1 or not formats.may_be_archive(name):
        yield Member(name, stream)
        return
    with SpooledTemporaryFile(max_size=HARMLESS_BYTES) as spooled:  # to be sought in
        copy = cast("IO[bytes]", spooled)
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        members = _opened(copy, name, budget, layers)
        yield from members if members is not None else [Member(name, copy)]


def _zip(file: IO[bytes], inside: str, budget: Budget, layers: int) -> _Members:
    def check(infos: Sequence[ZipInfo]) -> None:
        members = [info for info in infos if not info.is_dir()]
        budget.spend_members(len(members))
        budget.spend_bytes(sum(info.file_size for info in members))
        for info in members:
            name = _safe(info.filename, budget)
            budget.require_size(name, info.file_size)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG}:
                raise DataError(
                    f"{budget.where}: {name} is a link or device; only plain files are read"
                )
            if info.flag_bits & 1:
                raise DataError(
                    f"{budget.where} is password-protected; give a copy without a password"
                )
            if not archive.is_bounded(info):
                raise DataError(
                    f"{budget.where}: {name} is not packed with deflate; pack the zip anew"
                )

    for info, stream in archive.members(file, check):
        if not info.is_dir():
            yield from _within(
                _joined(inside, _safe(info.filename, budget)), stream, budget, layers - 1
            )


def _decompressed(
    file: IO[bytes],
    opens: formats.Opener,
    inside: str,
    budget: Budget,
    layers: int,
) -> _Members:
    """A compressed tar's members, or the one file that is compressed."""
    with opens(file) as unpacked:
        if formats.is_tar(unpacked):
            yield from _tar(unpacked, inside, budget, layers)
        else:
            yield Member(inside, io.BufferedReader(_Metered(unpacked, budget)))


def _tar(file: IO[bytes], inside: str, budget: Budget, layers: int) -> _Members:
    # Read in one pass: seeking back in a compressed stream would unpack it from its beginning.
    metered = cast("IO[bytes]", _Metered(file, budget))
    with tarfile.open(fileobj=metered, mode="r|") as tar:
        for info in tar:
            budget.spend_members(1)
            name = _safe(info.name, budget)
            if info.isdir():
                continue
            budget.require_size(name, info.size)
            is_plain = info.isreg() and not info.issparse()
            stream = tar.extractfile(info) if is_plain else None
            if stream is None:
                raise DataError(
                    f"{budget.where}: {name} is a link or device; only plain files are read"
                )
            yield from _within(_joined(inside, name), stream, budget, layers - 1)


class _Metered(io.RawIOBase):
    """A stream that counts what comes out, since a tar has no index to check first."""

    def __init__(self, unpacked: IO[bytes], budget: Budget) -> None:
        self._unpacked = unpacked
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._unpacked.read(len(buffer))
        self._budget.spend_bytes(len(data))
        buffer[: len(data)] = data
        return len(data)


def _safe(name: str, budget: Budget) -> str:
    """The name with forward slashes; refused if it leads out of the archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
        raise DataError(
            f"{budget.where}: member {name!r} leads out of the archive; do not trust it"
        )
    return str(path)


def _joined(inside: str, name: str) -> str:
    return f"{inside}/{name}" if inside else name


def _is_litter(name: str) -> bool:
    return any(part.lower() in _LITTER or part.startswith(".") for part in name.split("/"))
