"""Any expression data set of picture files: one folder per class, or a CSV of paths and labels.

So are RAF-DB, CK+, AffectNet, ExpW and most people's own, with or without folders for training,
validation and test. Pictures of any size and colour are made grey and brought to 48x48 pixels.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from ferlab.data import files, pictures
from ferlab.data.cache import cached
from ferlab.data.files.limits import Limits
from ferlab.data.folder import listing, places
from ferlab.data.folder.places import Place
from ferlab.data.gather import Gathered
from ferlab.data.imageset import SIZE, ImageSet, Split
from ferlab.errors import DataError
from ferlab.text import join_words, pluralize

LIMITS = Limits(
    what="set of pictures",
    members=2_000_000,
    member_bytes=8 * 2**30,  # it may be an archive
    total_bytes=64 * 2**30,
)

_VERSION = 2
"""Version of the reader, part of the cache key; raise it when a file reads differently."""

_log = logging.getLogger("ferlab")

_NAMED = 3
"""Largest number of files that a note names."""


def read_folder(path: str, classes: Mapping[str, str | None]) -> ImageSet:
    """Read the pictures, from the cache if they have been read before.

    Images are named ``split/class/file`` without the file's ending, or ``class/file`` where the
    source has no splits, and sorted by name. Classes are in alphabetical order, numbers by value.
    Files that cannot be read are left out and told in the notes.

    Args:
        path: a folder, an archive, or a CSV.
        classes: class -> its new name, or None to leave it out; other classes keep theirs.

    Raises:
        DataError: the path leads nowhere, or the pictures have no classes or only one.
    """
    try:
        source = Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"data.path={path} cannot be found ({reason})") from error
    rows = listing.read_listing(source) if listing.is_listing(source) else None
    stamp = files.file_stamp(source, LIMITS) if rows is None else listing.stamp(source, rows)
    wanted = {name.strip().lower(): new for name, new in classes.items()}
    key = {"reader": "folder", "version": _VERSION, "classes": wanted} | stamp
    return cached(key, lambda: _read(source, rows, wanted))


@dataclass
class _Pictures:
    """The pictures of a source by name, and what there is to tell of them."""

    levels: dict[str, bytes] = field(default_factory=dict)
    sizes: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def add(self, name: str, picture: pictures.Fitted | None) -> None:
        """Add one; None where it cannot be read."""
        if picture is None:
            self.bad.append(name)
            return
        self.levels[name] = picture.levels.tobytes()
        self.sizes[f"{picture.width}x{picture.height}"] += 1
        self.modes[picture.mode] += 1

    def notes(self) -> Iterator[str]:
        """What was read, and what could not be, a line each."""
        modes = join_words(f"{count:,} {mode}" for mode, count in self.modes.most_common())
        size, count = self.sizes.most_common(1)[0]
        sizes = size if len(self.sizes) == 1 else f"{len(self.sizes):,} sizes, {count:,} of {size}"
        yield f"pictures: {sizes} ({modes}); made grey, {SIZE}x{SIZE}"
        if self.bad:
            yield f"{pluralize(len(self.bad), 'file')} cannot be read: {_some(self.bad)}"


def _read(
    source: Path, rows: Sequence[listing.Row] | None, classes: Mapping[str, str | None]
) -> ImageSet:
    _log.info("data     reading %s, this once", source)
    found = _Pictures()
    if rows is None:
        _read_members(source, found)
        placed = places.of_paths(source, list(found.levels))
    else:
        for row in rows:
            found.add(str(row.file), _decoded(row.file))
        placed = listing.places_of(source, [row for row in rows if str(row.file) in found.levels])
    if not found.levels:
        unread = f"; cannot be read: {_some(found.bad)}" if found.bad else ""
        endings = ", ".join(sorted(pictures.SUFFIXES))
        raise DataError(f"{source} holds no pictures ({endings}){unread}")
    return _gather(source, found, placed, classes)


def _read_members(source: Path, found: _Pictures) -> None:
    """Decode a folder's or archive's pictures; archives in it only where it holds nothing else."""
    for inside in (False, True):
        with files.opened(source, LIMITS, inside=inside) as members:
            for name, stream in members:
                if PurePosixPath(name).suffix.lower() in pictures.SUFFIXES:
                    found.add(name, pictures.fitted_grey(stream))
        if found.levels or found.bad:
            return


def _decoded(file: Path) -> pictures.Fitted | None:
    try:
        with file.open("rb") as stream:
            return pictures.fitted_grey(stream)
    except OSError:
        return None


def _gather(
    source: Path,
    found: _Pictures,
    placed: Mapping[str, Place],
    classes: Mapping[str, str | None],
) -> ImageSet:
    counts = Counter(place.folder for place in placed.values())
    if unknown := [name for name in classes if name not in counts]:
        raise DataError(
            f"data.classes names {join_words(map(repr, unknown))}, but {source} has the classes "
            f"{', '.join(sorted(counts, key=_by_value))}"
        )
    dropped = [name for name, new in classes.items() if new is None]
    renamed = {name: classes.get(name) or name for name in counts if name not in dropped}
    names = sorted(set(renamed.values()), key=_by_value)
    if len(names) < 2:
        raise DataError(
            f"{source} has no classes but {join_words(map(repr, names)) or 'those left out'}; "
            "expected a folder for each class, with pictures in it"
        )
    gathered = Gathered()
    taken = set()
    for file, place in sorted(placed.items()):
        if place.folder in dropped:
            continue
        label = renamed[place.folder]
        plain = "/".join([*place.split_name(), label, place.below])
        # Two files of one name and other endings keep these; more, as of joined classes, all.
        names_of_it = (plain, f"{plain}{PurePosixPath(file).suffix}", f"{plain} of {file}")
        name = next(name for name in names_of_it if name not in taken)
        taken.add(name)
        gathered.add(found.levels[file], names.index(label), place.split or Split.TRAIN, name)
    notes = [*found.notes()]
    if dropped:
        left_out = join_words(f"{name} ({counts[name]:,})" for name in dropped)
        notes.append(f"left out by data.classes: {left_out}")
    return gathered.in_order(np.argsort(gathered.names), names, notes)


def _by_value(name: str) -> tuple[int, str]:
    """Sorts numbers by value, before words."""
    return (int(name), "") if name.isdecimal() else (2**31, name)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown
