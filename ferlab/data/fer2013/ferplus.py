"""FER+: ten taggers' votes in place of FER2013's labels, with contempt as an eighth class."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ferlab.data.fer2013 import votes as counted
from ferlab.data.fer2013.words import USAGES, parse_usage
from ferlab.data.files.columns import read_columns
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.splits import identical
from ferlab.errors import DataError

CLASSES = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")

_EMOTIONS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
"""The classes in the order of the votes."""

_NOWHERE = -1


def relabel(images: ImageSet, ferplus: Path, names: Path | None, votes: str) -> ImageSet:
    """The images that FER+ has a class for, under its labels.

    A validation or test image needs a majority under either kind of votes, so that both are scored
    on the same images, as the authors do.

    Args:
        images: FER2013 under its own labels.
        ferplus: ``fer2013new.csv``.
        names: a CSV with columns ``ferplus_name`` and ``archive_name``; needed for pictures, whose
            order is not that of the votes.
        votes: ``soft`` (a probability of each class) or ``majority``.

    Raises:
        DataError: a file cannot be read, or is not about these images.
    """
    usages, row_names, table = _read_votes(ferplus)
    if "/" in str(images.names[0]):
        row = _by_name(images, ferplus, names, row_names)
    else:
        row = _by_row(images, ferplus, usages)
    is_named = np.array([bool(name) for name in row_names])
    row = np.where(is_named[row], row, _NOWHERE)
    cast = table[row]  # (n, 10); of the last row where there is none
    is_held_out = np.isin(images.split, (Split.VAL, Split.TEST))
    soft = counted.probabilities(cast)
    agreed = counted.agreed(cast)
    is_clear = agreed if votes == "majority" else np.where(is_held_out, agreed, soft.any(axis=1))
    is_used = (row != _NOWHERE) & is_clear
    if not is_used.any():
        raise DataError(f"{ferplus} has a class for none of the images; is it the right file?")
    order = [_EMOTIONS.index(name) for name in CLASSES]
    soft = soft[is_used][:, order]
    unknown = int(((row != _NOWHERE) & ~is_clear & counted.is_unknown(cast)).sum())
    without, unclear = int((row == _NOWHERE).sum()), int(((row != _NOWHERE) & ~is_clear).sum())
    kept, whole = int(is_used.sum()), len(images)
    note = (
        f"labels of FER+ ({votes} votes) for {kept:,} of {whole:,} images; left out: "
        f"{without:,} without votes, {unknown:,} unknown or no face, {unclear - unknown:,} on "
        "which the taggers do not agree"
    )
    return replace(
        images,
        images=images.images[is_used],
        labels=soft.argmax(axis=1).astype(np.uint8),
        split=images.split[is_used],
        names=images.names[is_used],
        hashes=images.hashes[is_used],
        classes=CLASSES,
        notes=(*images.notes, note),
        targets=soft if votes == "soft" else None,
    )


def _by_row(images: ImageSet, ferplus: Path, usages: Sequence[str]) -> npt.NDArray[np.intp]:
    """The row of each image, where both are in the order of the challenge's CSV."""
    split = np.array([USAGES[usage] for usage in usages], np.uint8)
    if len(split) != len(images) or not np.array_equal(split, images.split):
        raise DataError(
            f"{ferplus} has {len(split):,} rows, and data.path {len(images):,} images of other "
            "usages or in another order; both must be whole, in the challenge's order"
        )
    return np.arange(len(images))


def _by_name(
    images: ImageSet, ferplus: Path, names: Path | None, row_names: Sequence[str]
) -> npt.NDArray[np.intp]:
    """The row of each image, one to one, by a table of names.

    Which of several identical pictures of one split a row belongs to cannot be known; each of them
    gets a row of its own.
    """
    if names is None:
        raise DataError(
            "data.ferplus_names is needed where data.path holds pictures, as their names do not "
            "say which row of FER+ they are: a CSV with columns ferplus_name and archive_name; "
            "with fer2013.csv it is not needed"
        )
    archive_name = dict(read_columns(names, ("ferplus_name", "archive_name")))
    position = {name: i for i, name in enumerate(images.names.tolist())}
    group, _ = identical(images.hashes)
    part = group * len(Split) + images.split
    free: dict[int, list[int]] = {}
    for place in range(len(images) - 1, -1, -1):  # the first is taken first, from the end
        free.setdefault(int(part[place]), []).append(place)
    row = np.full(len(images), _NOWHERE)
    first: dict[str, int] = {}  # four names stand at two rows each
    for number, name in enumerate(row_names):
        first.setdefault(name, number)
    for name, number in first.items():
        at = position.get(archive_name.get(name, ""))
        if at is not None and free[int(part[at])]:
            row[free[int(part[at])].pop()] = number
    if (row == _NOWHERE).all():
        raise DataError(f"{names} names none of the pictures; do it and {ferplus} belong together?")
    return row


def _read_votes(path: Path) -> tuple[list[str], list[str], counted.Votes]:
    """Usage, name (empty where FER+ dropped the image) and votes of each row."""
    rows = read_columns(path, ("usage", "image name", *counted.COLUMNS))
    try:
        votes = np.array([[int(n) for n in row[2:]] for row in rows], np.int64)
    except ValueError as error:
        raise DataError(f"{path}: votes must be whole numbers ({error})") from error
    usages = [parse_usage(row[0], f"{path}, line {i}") for i, row in enumerate(rows, start=2)]
    return usages, [row[1].strip() for row in rows], votes
