"""Files that are written: photos with their faces marked, and whatever must be new."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from ferlab.draft import drafted
from ferlab.errors import DataError, FerlabError
from ferlab.text import printable
from ferlab.use.annotate import annotated
from ferlab.use.face import Photo
from ferlab.use.reader import Reading
from ferlab.use.sources import Source

_ENDINGS = (".png", ".jpg", ".jpeg")
"""By which a path names a file, and not a folder."""


def require_new(path: Path, ending: str) -> None:
    """Refuse a path where no new file can be written, before anything is computed.

    Raises:
        DataError: it has another ending, something is there, or there is no such folder.
    """
    if path.suffix.lower() != ending:
        raise DataError(f"'{path}' cannot name this file; it must end in {ending}")
    if path.exists():
        raise DataError(f"{path} is there already; remove it, or take another name")
    if not path.absolute().parent.is_dir():
        raise DataError(f"cannot write {path}: there is no folder {path.parent}")


def write_new(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    try:
        with drafted(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


class Saver:
    """Writes them, each under the name of its photo.

    Args:
        path: a folder, made if it is new; or the file, for a single photo.
        sources: all photos that are read, none of which is overwritten.

    Raises:
        FerlabError: a file is named for several photos.
    """

    def __init__(self, path: Path, sources: Sequence[Source | DataError]) -> None:
        self._path = path
        self._is_file = path.suffix.lower() in _ENDINGS
        if self._is_file and len(sources) > 1:
            raise FerlabError(
                f"--save {printable(path)} is one file for {len(sources):,} photos; name a folder"
            )
        photos = (s.path for s in sources if isinstance(s, Source) and s.path is not None)
        self._taken = {photo.resolve() for photo in photos}

    def save(self, source: Source, photo: Photo, readings: Sequence[Reading]) -> Path:
        """Write what was read of a photo; the file's path is returned.

        Raises:
            DataError: it cannot be written, or would overwrite a photo.
        """
        path = self._path if self._is_file else self._free(source)
        if path.resolve() in self._taken:
            raise DataError(f"{printable(path)} is a photo that is read; save elsewhere")
        self._taken.add(path.resolve())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            annotated(photo, readings).save(path)
        except OSError as error:
            raise DataError(
                f"{printable(path)} cannot be written: {error.strerror or error}"
            ) from error
        return path

    def _free(self, source: Source) -> Path:
        """A file in the folder that is not there yet, as a photo of the user's may be."""
        stem = "photo" if source.path is None else source.path.stem
        marks = chain([""], (f"-{n}" for n in count(2)))
        paths = (self._path / f"{stem}{mark}.png" for mark in marks)
        return next(p for p in paths if not p.exists() and p.resolve() not in self._taken)
