"""Columns of a CSV, by name."""

import csv
from collections.abc import Sequence
from pathlib import Path

from ferlab.data.files import explained
from ferlab.errors import DataError


def read_columns(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """The rows of a CSV, of each what is in these columns, in their order.

    Args:
        path: of the CSV, in UTF-8.
        columns: their names; one that the CSV has in another case only is taken for it.

    Raises:
        DataError: the file cannot be read, or lacks a column or the end of a row.
    """
    try:
        with explained(path), path.open(encoding="utf-8-sig", newline="") as file:
            header, *found = [row for row in csv.reader(file) if row] or [[]]
    except (csv.Error, ValueError) as error:  # of a path, too, that has a null byte
        raise DataError(f"{path} is no CSV: {error}") from error
    header = [column.strip() for column in header]
    at = {column.lower(): place for place, column in enumerate(header)}
    at |= {column: place for place, column in enumerate(header)}
    places = [at.get(column, at.get(column.lower(), -1)) for column in columns]
    missing = [column for column, place in zip(columns, places, strict=True) if place < 0]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}")
    if not found or any(len(row) != len(header) for row in found):
        raise DataError(f"{path} is cut short or empty; get it anew")
    return [[row[place] for place in places] for row in found]
