"""FER2013 in each of its published forms: Kaggle's folder tree and the challenge's CSV.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning". The tree is Kaggle's data
set ``msambare/fer2013``; the CSV is ``fer2013.csv`` or ``icml_face_data.csv``; each as it is, or
packed. The same pixels come out of each with the same hash and class, however people write its
words; what may mean something else is refused.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from ferlab.data import files, pictures
from ferlab.data.cache import cached
from ferlab.data.fer2013 import table
from ferlab.data.fer2013.ferplus import relabel
from ferlab.data.fer2013.words import USAGES, parse_path
from ferlab.data.files.formats import foreign
from ferlab.data.files.limits import Limits
from ferlab.data.gather import Gathered
from ferlab.data.imageset import EXPRESSIONS, SIZE, ImageSet, Split
from ferlab.errors import DataError
from ferlab.text import join_words

LIMITS = Limits(
    what="copy of FER2013",
    members=200_000,  # five times the pictures
    member_bytes=512 * 2**20,  # the challenge's CSV has 301 MB
    total_bytes=2 * 2**30,  # the challenge's whole download has about 0.7 GB
)

COUNTS: Mapping[Split, int] = {Split.TRAIN: 28_709, Split.VAL: 3_589, Split.TEST: 3_589}
"""Images of each split, in the order of the CSV."""

_VERSION = 2
"""Version of the reader, part of the cache key; raise it when a file reads differently."""

_FERPLUS = 1
"""The same for the labels of FER+."""

_MAX_PICTURE_BYTES = 2**20
"""Largest size of a picture; one of 48x48 takes about 2 kB, the rest is room for metadata."""

_AS_IT_IS = "data=folder"

_GET_IT = (
    "download the Kaggle data set msambare/fer2013 or the challenge's fer2013.csv "
    "and set data.path to the file or folder"
)


def load(
    path: str | None,
    labels: str = "original",
    ferplus: str | None = None,
    ferplus_names: str | None = None,
    votes: str = "soft",
) -> ImageSet:
    """Read FER2013 under the official split, from the cache if it has been read before.

    The form is recognised by content. Training is `Split.TRAIN`, PublicTest `Split.VAL` and
    PrivateTest `Split.TEST`. Images of a tree are named like ``train/angry/Training_3908.jpg``
    and sorted by name; those of a CSV are named like ``Training_0``, counted from the first row,
    and keep its order.

    Args:
        path: a folder, an archive or a CSV.
        labels: ``original`` or ``ferplus``.
        ferplus: see `ferlab.data.fer2013.ferplus.relabel`, as the next two.
        ferplus_names: a table of names.
        votes: ``soft`` or ``majority``.

    Raises:
        DataError: the path leads nowhere or is not FER2013 in one of its forms, or something in it
            is not what the form promises.
    """
    source = _located("path", path, _GET_IT)
    key = {"reader": "fer2013", "version": _VERSION} | files.file_stamp(source, LIMITS)
    images = cached(key, lambda: _read(source))
    if labels == "original":
        return images
    cast = _located("ferplus", ferplus, "it is fer2013new.csv of github.com/microsoft/FERPlus")
    names = _located("ferplus_names", ferplus_names, "") if ferplus_names else None
    stamps = [files.file_stamp(file, LIMITS) for file in (cast, names) if file is not None]
    key |= {"labels": labels, "votes": votes, "ferplus": stamps, "ferplus_version": _FERPLUS}
    return cached(key, lambda: relabel(images, cast, names, votes))


def _located(key: str, path: str | None, hint: str) -> Path:
    if not path:
        raise DataError(f"data.{key} is not set: {hint}")
    try:
        return Path(path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        text = f"data.{key}={path} cannot be found ({reason})"
        raise DataError(f"{text}: {hint}" if hint else text) from error


def _read(source: Path) -> ImageSet:
    """Read the source; archives in it are only looked into where it holds nothing else."""
    refused: list[str] = []
    images = _read_form(source, refused) or _read_form(source, refused, inside=True)
    if images is None:
        raise DataError(refused[0] if refused else _unknown(source))
    if empty := [name for name, count in images.counts(Split.TRAIN).items() if not count]:
        raise DataError(
            f"{source} has no training image of class {', '.join(empty)}; "
            f"FER2013 has some of each of {', '.join(EXPRESSIONS)}"
        )
    return images


def _read_form(source: Path, refused: list[str], inside: bool = False) -> ImageSet | None:
    """The images in the form that the source has; None if it has none, for what is refused."""
    tree, rows = Gathered(), Gathered()
    tables: list[str] = []
    with files.opened(source, LIMITS, inside=inside) as members:
        for name, stream in members:
            where = f"{source}: {name}" if name != source.name else f"{source}"
            if PurePosixPath(name).suffix.lower() in pictures.SUFFIXES:
                tree.add(_decode(stream, where), *parse_path(name, where))
                continue
            header = table.read_header(stream)
            missing = header.missing()
            if not missing:
                tables.append(name)
                if len(tables) == 1:
                    table.read_rows(stream, header, where, rows)
            elif what := foreign(name, header.bytes):
                refused.append(f"{where} {what}")
            elif len(missing) < len(table.COLUMNS):
                refused.append(
                    f"{where} has no column {' and '.join(missing)}; the columns must be "
                    "emotion, pixels and Usage, which tells what trains, validates and tests"
                )
    found = tables + ["train/ and test/"] * bool(tree.names)
    if len(found) > 1:
        raise DataError(f"{source} holds {' and '.join(found)}; set data.path to just one of them")
    if not found:
        return None
    if duplicates := len(tree.names) - len(set(tree.names)):
        raise DataError(
            f"{source} holds {duplicates:,} pictures twice, under several train/ or test/ folders; "
            "set data.path to just one copy"
        )
    images = rows if tables else tree
    order = np.arange(len(rows.names)) if tables else np.argsort(tree.names)
    return images.in_order(order, EXPRESSIONS, _notes(source, images.split))


def _notes(source: Path, split: list[Split]) -> list[str]:
    """A line where it is not all of FER2013; a `DataError` where its end is missing."""
    counts = {usage: split.count(part) for usage, part in USAGES.items()}
    whole, total = sum(COUNTS.values()), len(split)
    if total == whole:
        return []
    has = join_words(f"{count:,} {usage}" for usage, count in counts.items())
    if counts["Training"] == COUNTS[Split.TRAIN] and total < whole:
        raise DataError(
            f"{source} is cut short: it has {has} images, {total:,} of FER2013's {whole:,}; "
            "get it anew"
        )
    return [f"{total:,} images ({has}); all of FER2013 has {whole:,}"]


def _unknown(source: Path) -> str:
    return (
        f"{source} is not FER2013 in a known form: expected train/<class>/ and test/<class>/ with "
        "pictures, or a CSV with columns emotion, pixels and Usage; as folder, file, .zip, .tar, "
        "or compressed by gzip, bzip2 or xz"
    )


def _decode(stream: IO[bytes], where: str) -> bytes:
    with pictures.open_picture(stream, where, _MAX_PICTURE_BYTES) as picture:
        width, height = picture.size
        # Decoding waits for the size: it says how much memory that takes.
        if (width, height) != (SIZE, SIZE):
            raise DataError(
                f"{where} is {width}x{height}; FER2013's pictures are {SIZE}x{SIZE}, so this copy "
                f"was resized; take the original, or read it as it is: {_AS_IT_IS}"
            )
        try:
            grey = pictures.exact_grey(picture)
        except Exception as error:  # decoders raise nearly anything on broken input
            raise pictures.unreadable(where) from error
        if grey is None:
            raise DataError(
                f"{where} is no grey picture (mode {picture.mode}); FER2013's are; "
                f"take the original, or read it as it is: {_AS_IT_IS}"
            )
    return grey.tobytes()
