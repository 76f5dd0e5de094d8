"""Rows of text in columns."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows below their header, aligned to the left; columns that are empty are left out."""
    kept = [i for i in range(len(header)) if any(row[i] for row in rows)]
    lines = [[line[i] for i in kept] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(kept))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
