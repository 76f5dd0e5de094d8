"""Photos with their faces marked, as files."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from ferlab.errors import DataError, FerlabError
from ferlab.text import printable
from ferlab.use.annotate import annotated
from ferlab.use.face import Photo
from ferlab.use.reader import Reading
from ferlab.use.sources import Source

_ENDINGS = (".png", ".jpg", ".jpeg")
"""By which a path names a file, and not a folder."""


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
