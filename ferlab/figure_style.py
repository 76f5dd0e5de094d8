"""One style for all figures: colours, the titled canvas, names and axes that fit."""

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
INK, FAINT, EDGE, RULE = "#222222", "#6E6E6E", "#BBBBBB", "#E2E2E2"
BLUES = LinearSegmentedColormap.from_list("blues", ["#FFFFFF", "#A6D0EA", BLUE, "#003F66"])
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
    """A titled figure, ``width`` inches wide, around axes that are ``height`` inches high."""
    whole = height + bottom + top
    figure = Figure(figsize=(width, whole))
    figure.text(0.18 / width, 1 - 0.3 / whole, title, size=12, weight="bold")
    figure.text(0.18 / width, 1 - 0.52 / whole, note, color=FAINT)
    box = (left / width, bottom / whole, (width - left - right) / width, height / whole)
    return figure, figure.add_axes(box)


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
