"""Rows of text in columns, as wide as the terminal; what is piped elsewhere is whole."""

import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ferlab.text import printable

_GAP = 2
"""Spaces between two columns."""

_NARROW = 20
"""Width that a column keeps, if it is as wide, before others are left out."""

_ENDLESS = 100_000
"""Width of what is no terminal."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], optional: int = 0) -> str:
    """The rows below their header, aligned to the left; columns that are empty are left out.

    Args:
        header: the name of each column.
        rows: a text per column.
        optional: how many columns, counted from the last, may be left out on a narrow terminal.
            What is then still too wide is folded.
    """
    return fit(header, rows, terminal_width(), optional)


def terminal_width() -> int:
    """Columns of the terminal that standard output is; without one there is no limit."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else _ENDLESS


def fit(header: Sequence[str], rows: Sequence[Sequence[str]], width: int, optional: int = 0) -> str:
    """The same as `table`, for a width in columns."""
    rows = [[printable(cell) for cell in row] for row in rows]
    kept = [i for i in range(len(header)) if any(row[i] for row in rows)]
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    while sum(min(_NARROW, widths[i]) + _GAP for i in kept) - _GAP > width:
        if kept[-1] < len(header) - optional:
            break
        kept.pop()
    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for i in kept:
        grid.add_column(header[i], overflow="fold", no_wrap=widths[i] <= _NARROW)
    for row in rows:
        grid.add_row(*(row[i] for i in kept))
    console = Console(width=width, markup=False, highlight=False, emoji=False, color_system=None)
    with console.capture() as captured:
        console.print(grid)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
