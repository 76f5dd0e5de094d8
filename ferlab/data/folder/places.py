"""Split and class of a picture, from where it lies."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ferlab.data.imageset import Split
from ferlab.errors import DataError

_SPLITS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VAL,
    "valid": Split.VAL,
    "validation": Split.VAL,
    "dev": Split.VAL,
    "publictest": Split.VAL,
    "test": Split.TEST,
    "testing": Split.TEST,
    "privatetest": Split.TEST,
}
"""Words for splits, FER2013's among them."""


class Place(NamedTuple):
    """Where a picture belongs.

    Attributes:
        split: its split; None where the source has none.
        folder: its class, as the source names it, in lower case.
        below: its path below the class, without the file's ending.
    """

    split: Split | None
    folder: str
    below: str

    def split_name(self) -> list[str]:
        """The split as the first part of the image's name; nothing where there is none."""
        return [] if self.split is None else [self.split.name.lower()]


def parse_split(word: str) -> Split | None:
    """The split that a word stands for: ``Training``, ``val_set``; None for other words."""
    return _SPLITS.get(re.sub(r"[\W_]", "", word.lower()).removesuffix("set"))


def parse_class(word: str) -> str:
    """A class's name in lower case, a number without its fraction: ``Happy``, ``6.0``."""
    text = word.strip().lower()
    return re.sub(r"^(\d+)\.0*$", r"\1", text)


def of_paths(source: Path, names: Sequence[str]) -> dict[str, Place]:
    """The places of pictures by name, from the folders they lie in.

    The class is the folder below the split's, or the first that not all pictures share.

    Raises:
        DataError: a picture lies in no class, or beside the splits.
    """
    folders = {name: PurePosixPath(name).parts[:-1] for name in names}
    splits = {name: _split_at(parts) for name, parts in folders.items()}
    has_splits = any(at is not None for at in splits.values())
    shared = 0 if has_splits else _shared([*folders.values()])
    placed = {}
    for name, parts in folders.items():
        at = splits[name]
        if has_splits and at is None:
            raise DataError(
                f"{source}: {name} lies in none of the folders for training, validation and test"
            )
        split = None if at is None else parse_split(parts[at])
        inner = parts[shared:] if at is None else parts[at + 1 :]
        if at is not None and not inner:  # the class is above the split
            inner = parts[at - 1 : at] if at else ()
        if not inner:
            raise DataError(f"{source}: {name} must lie in a folder that names its class")
        below = "/".join([*inner[1:], PurePosixPath(name).stem])
        placed[name] = Place(split, parse_class(inner[0]), below)
    return placed


def _split_at(parts: Sequence[str]) -> int | None:
    """Position of the folder that names the split, the innermost that has a class below it."""
    found = [at for at, part in enumerate(parts) if parse_split(part) is not None]
    with_class = [at for at in found if at + 1 < len(parts)]
    return max(with_class or found, default=None)


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """Number of outer folders that all pictures lie in."""
    first, last = min(folders, default=()), max(folders, default=())
    pairs = zip(first, last, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
