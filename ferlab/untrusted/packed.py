"""Zip files with a manifest of digests: written whole or not at all, and read within limits.

Nothing in one is executed, and no name in one becomes a path: names are only compared with those
that are known.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import ferlab
from ferlab.draft import drafted
from ferlab.errors import DataError
from ferlab.text import shorten
from ferlab.untrusted import archive, bounded

MANIFEST = "manifest.json"


class MemberLimits(NamedTuple):
    """What such a file may hold.

    Attributes:
        of: largest size of a member by its name, in bytes; it may refuse the name.
        total: what all of it may unpack to, in bytes.
        times: how many times the file's own size it may unpack to, where that is more.
        directory: largest size of the list of members, in bytes.
    """

    of: Callable[[str], int]
    total: int
    times: int
    directory: int


class Packed:
    """Such a file, open for reading.

    Attributes:
        path: where it is.
        manifest: what its manifest says.
        format: that the manifest names.
        digests: of its other members, by name.
        digest: of the manifest, and so of all.
    """

    def __init__(self, path: Path, zipped: zipfile.ZipFile) -> None:
        self.path, self._zipped = path, zipped
        text = zipped.read(MANIFEST)
        self.digest = digest(text)
        try:
            self.manifest: dict[str, Any] = bounded.read_json(text)
            files = self.manifest["files"].items()
            self.digests = {str(name): str(digest) for name, digest in files}
            self.format = self.manifest["format"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"its {MANIFEST} is damaged: {shorten(repr(error), 80)}") from error

    def require_complete(self) -> None:
        """Refuse members that the manifest does not have, or that it alone has."""
        members = {name for name in self._zipped.namelist() if name != MANIFEST}
        if odd := sorted(self.digests.keys() ^ members):
            raise DataError(f"'{odd[0]}' is not both in it and in its manifest")

    def read(self, name: str) -> bytes:
        """The content of a member.

        Raises:
            DataError: there is none of this name, or it is not what the manifest says.
        """
        if name not in self.digests:
            raise DataError(f"the bundle {self.path} cannot be used: '{name}' is not in it")
        with told(self.path):
            data = self._zipped.read(name)
            if digest(data) != self.digests[name]:
                raise DataError(f"'{name}' was altered: its digest is not the manifest's")
        return data


def write(
    path: Path,
    about: Mapping[str, Any],
    members: Iterable[tuple[str, bytes]],
    prove: Callable[[Path], object] | None = None,
) -> None:
    """Write such a file: a draft, which is renamed once it is complete.

    Args:
        path: that is to be made.
        about: what the manifest says beside the digests.
        members: name and content of each, which are written as they come.
        prove: is given the draft, to refuse what could not be read again.

    Raises:
        DataError: the path cannot be written, or something is there already.
    """
    try:
        if path.exists():
            raise DataError(f"{path} is there already; remove it, or take another name")
        with drafted(path) as draft:
            digests: dict[str, str] = {}
            with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as made:
                for name, data in members:
                    digests[name] = digest(data)
                    _add(made, name, data)
                manifest = {**about, "ferlab": ferlab.__version__, "files": digests}
                _add(made, MANIFEST, json.dumps(manifest, indent=2).encode())
            if prove is not None:
                prove(draft)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _add(made: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed time: the same content makes the same file.
    made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


@contextmanager
def unpacked(path: Path, limits: MemberLimits) -> Iterator[Packed]:
    """Open such a file.

    Raises:
        DataError: it is none, truncated, altered, or breaks a limit.
    """
    with ExitStack() as stack:
        with told(path):
            file = stack.enter_context(path.open("rb"))
            check = partial(_check, limits, file.seek(0, 2))
            zipped = stack.enter_context(archive.opened_zip(file, check, limits.directory))
            packed = Packed(path, zipped)
        yield packed


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell what is wrong with such a file in one line that names it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"the bundle {path} cannot be used: {error}") from error
    except (*archive.DAMAGED, RuntimeError) as error:  # the latter where it wants a password
        raise DataError(f"the bundle {path} is truncated or no zip file: {error}") from error
    except OSError as error:
        raise DataError(f"the bundle {path} cannot be read: {error.strerror or error}") from error


def _check(limits: MemberLimits, size: int, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse, by names and sizes, members that should not even be unpacked."""
    names = {info.filename for info in members}
    if MANIFEST not in names or len(names) != len(members):
        raise DataError(f"it has no {MANIFEST}, or a name twice; ferlab export makes bundles")
    largest = {info.filename: limits.of(info.filename) for info in members}
    for info in sorted(members, key=lambda info: info.filename != MANIFEST):
        limit = largest[info.filename]
        if info.file_size > limit:
            raise DataError(f"'{shorten(info.filename, 80)}' unpacks to more than {limit:,} bytes")
        if not archive.is_bounded(info):
            raise DataError(
                f"'{info.filename}' is not packed with deflate; make the bundle with ferlab export"
            )
    most = max(limits.total, limits.times * size)
    if sum(info.file_size for info in members) > most:
        raise DataError(f"it unpacks to more than {most:,} bytes")


def digest(data: bytes) -> str:
    """32 hex digits over a content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
