"""One style for all figures: colours, the titled canvas, names and axes that fit."""

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.study.objectives import axis_label, tick_format
from ferlab.text import shorten

# Okabe and Ito's blue and vermilion, which stay apart for colour-blind readers, and greys.
BLUE, VERMILION = "#0072B2", "#D55E00"
# The two and those of `SCORES` can be told from white and from a dark page.
INK, FAINT, EDGE, RULE, PAPER = "#222222", "#6E6E6E", "#BBBBBB", "#E2E2E2", "#FFFFFF"
BLUES = LinearSegmentedColormap.from_list("blues", ["#FFFFFF", "#A6D0EA", BLUE, "#003F66"])
SCORES = LinearSegmentedColormap.from_list("scores", ["#DDA63C", "#6FAE9C", BLUE])
"""From the worst score to the best."""
WIDTH = 5.2
"""Inches of a report's figures: a phone shrinks their letters to three quarters, no further."""
_CROWD = 1000
"""Marks from which on, each drawn by itself, they take seconds and megabytes."""

DASHED: dict[str, Any] = {"color": FAINT, "linewidth": 0.8, "linestyle": (0, (4, 3))}

styled = mpl.rc_context(
    {
        "figure.dpi": 100,
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,  # a name may hold a dollar sign
        "axes.edgecolor": EDGE,
        "axes.labelcolor": FAINT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": RULE,
        "xtick.color": EDGE,
        "ytick.color": EDGE,
        "xtick.labelcolor": FAINT,
        "ytick.labelcolor": FAINT,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "legend.handlelength": 1.5,
        "legend.columnspacing": 1.2,
    }
)


def canvas(
    title: str,
    note: str,
    width: float,
    height: float,
    *,
    left: float,
    right: float = 0.2,
    bottom: float = 0.5,
    top: float = 0.75,
) -> tuple[Figure, Axes]:
    """A titled figure, ``width`` inches wide, around axes that are ``height`` inches high.

    What is too long for one line goes on in another one, for which there is room above ``top``.
    """
    titles, notes = _wrap(title, width, 7.9), _wrap(note, width, 4.7)
    more = 0.2 * (len(titles) - 1) + 0.165 * (len(notes) - 1)
    whole = height + bottom + top + more
    figure = Figure(figsize=(width, whole))
    above: dict[str, Any] = {"x": 0.18 / width, "va": "top", "linespacing": 1.3}
    figure.text(y=1 - 0.16 / whole, s="\n".join(titles), size=12, weight="bold", **above)
    down = 0.41 + 0.2 * (len(titles) - 1)
    figure.text(y=1 - down / whole, s="\n".join(notes), color=FAINT, **above)
    box = (left / width, bottom / whole, (width - left - right) / width, height / whole)
    return figure, figure.add_axes(box)


def _wrap(text: str, width: float, points: float) -> list[str]:
    """Lines that fit into a figure; ``points`` is how wide a letter is on average."""
    kept = text.replace(" %", "\N{NO-BREAK SPACE}%")
    return textwrap.wrap(kept, int(72 * (width - 0.36) / points)) or [""]


def legend_above(figure: Figure, columns: int = 3) -> None:
    """The legend of a figure's axes, above them; the figure grows by its lines."""
    (axes,) = figure.axes
    legend(axes, columns)
    labels = axes.get_legend_handles_labels()[1]
    add_room(figure, legend_height(len(labels), columns))


def legend_height(labels: int, columns: int) -> float:
    """Inches that a legend needs."""
    return 0.05 + 0.185 * -(-labels // columns)


def add_room(figure: Figure, inches: float) -> None:
    """Make a figure higher, between its note and its axes."""
    width, height = figure.get_size_inches()
    shrunk = height / (height + inches)
    for text in figure.texts:
        text.set_y(1 - (1 - text.get_position()[1]) * shrunk)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0 * shrunk, box.width, box.height * shrunk))
    figure.set_size_inches(width, height + inches)


def legend(axes: Axes, columns: int = 3) -> None:
    """Above the axes, where no data can be."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=columns)


def short_keys(keys: Sequence[str]) -> list[str]:
    """Each key's last words, at least two and as many as tell it from the others."""

    def tail(key: str, words: int) -> str:
        return ".".join(key.split(".")[-words:])

    names = []
    for key in keys:
        words = 2
        while sum(tail(other, words) == tail(key, words) for other in set(keys)) > 1:
            words += 1
        names.append(shorten(tail(key, words), 34))
    return names


def study_title(study: str, what: str) -> str:
    """What a figure shows, of which study."""
    return f"{shorten(study, 40)}: {what}"


def is_crowd(marks: int) -> bool:
    """Whether marks are so many that they are drawn as one picture within the figure."""
    return marks > _CROWD


def whole_number_limits(first: int, last: int) -> tuple[float, float]:
    """The ends of an axis that shows whole numbers, with some room."""
    pad = max(0.5, (last - first) * 0.02)
    return first - pad, last + pad


def score_axis(axes: Axes, objective: str) -> None:
    """Make the upright axis an objective's."""
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(tick_format(objective)))
    axes.set_ylabel(axis_label(objective))
    axes.grid(axis="y")
