"""A CSV that names a picture's file and class in each row, and perhaps its split."""

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ferlab.data import files
from ferlab.data.folder.places import Place, parse_class, parse_split
from ferlab.data.imageset import Split
from ferlab.errors import DataError

PATHS = ("path", "file", "filename", "image", "file_path", "filepath", "image_path", "file_name")
"""Names of the column of files."""

LABELS = ("label", "class", "emotion", "expression")
"""Names of the column of classes."""

SPLITS = ("split", "usage", "set", "subset")
"""Names of the column of splits."""

_DELIMITERS = ",;\t"


class Row(NamedTuple):
    """One picture of a CSV.

    Attributes:
        file: where it lies.
        label: its class, as written.
        split: its split; None if the CSV has no such column.
    """

    file: Path
    label: str
    split: Split | None


def is_listing(source: Path) -> bool:
    """Whether it is a CSV, by its ending."""
    return source.is_file() and source.suffix.lower() in {".csv", ".tsv", ".txt"}


def read_listing(source: Path) -> list[Row]:
    """Read a CSV; files are looked up from its folder.

    Raises:
        DataError: it cannot be read, or a column or value is missing.
    """
    with files.explained(source):
        text = source.read_text("utf-8-sig")
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    columns = [column.strip().lower() for column in next(rows, [])]
    path, label = (_column(source, columns, names) for names in (PATHS, LABELS))
    split = next((columns.index(name) for name in SPLITS if name in columns), None)
    found = []
    for row in rows:
        if not row:
            continue
        line = f"{source}, line {rows.line_num}"
        if len(row) != len(columns):
            raise DataError(f"{line}: expected {len(columns)} fields, found {len(row)}")
        part = None if split is None else parse_split(row[split])
        if split is not None and part is None:
            raise DataError(f"{line}: unknown split {row[split]!r}; expected train, val or test")
        found.append(Row(source.parent / row[path].strip().replace("\\", "/"), row[label], part))
    if repeated := len(found) - len({row.file for row in found}):
        raise DataError(f"{source} names {repeated:,} files more than once")
    return found


def stamp(source: Path, rows: Sequence[Row]) -> dict[str, object]:
    """The state of the rows and of their files."""
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        try:
            state = row.file.stat()
            when = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:
            when = "missing"
        digest.update(f"{row.file}\0{row.label}\0{row.split}\0{when}\0".encode(errors="replace"))
    return {"path": str(source), "rows": digest.hexdigest()}


def places_of(source: Path, rows: Sequence[Row]) -> dict[str, Place]:
    """The places of pictures by file, below the folder of their class or the one that all share."""
    shared = os.path.commonpath([row.file.parent for row in rows]) if rows else source.parent
    placed = {}
    for row in rows:
        label = parse_class(row.label)
        if not label:
            raise DataError(f"{source}: {row.file} has no class")
        parts = row.file.relative_to(shared).with_suffix("").parts
        outer = [at for at, part in enumerate(parts[:-1]) if parse_class(part) == label]
        below = "/".join(parts[max(outer, default=-1) + 1 :])
        placed[str(row.file)] = Place(row.split, label, below)
    return placed


def _column(source: Path, columns: Sequence[str], names: Sequence[str]) -> int:
    for name in names:
        if name in columns:
            return columns.index(name)
    raise DataError(
        f"{source} has no column {names[0]!r} (or {', '.join(names[1:])}); its first line must "
        "name the columns path and label, and may name split"
    )
