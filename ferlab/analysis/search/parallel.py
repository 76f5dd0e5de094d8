"""Parallel coordinates: each trial is a line over the axes of its parameters, to its score."""

import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ferlab.analysis.search.marks import score_limits
from ferlab.analysis.search.slices import varied
from ferlab.figure_style import (
    EDGE,
    FAINT,
    PAPER,
    SCORES,
    WIDTH,
    canvas,
    is_crowd,
    short_keys,
    study_title,
    styled,
)
from ferlab.study.objectives import axis_label, tick_format
from ferlab.study.params import Choices, Domain, Value, format_override
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import shorten

_ABSENT = -0.16
"""Height at which a line passes the axis of a parameter that its trial does not have."""

_TICKS = 9
"""Most choices that are written beside an axis."""

_FEWEST = 3
"""Trials without which there are no lines to compare."""


@dataclass(frozen=True)
class _Axis:
    """One upright axis: its name, where each trial passes it, and what stands beside it.

    Attributes:
        name: on up to three lines.
        heights: of each trial, 0 to 1, or `_ABSENT`.
        ticks: height and text.
    """

    name: str
    heights: list[float]
    ticks: list[tuple[float, str]]


@styled
def parallel_coordinates(table: StudyTable) -> Figure | None:
    """Draw every complete trial's parameters and first objective, coloured by the objective."""
    keys = varied(table)
    rows = [row for row in reversed(table.ranked) if math.isfinite(value_of(row))]
    if len(keys) < 2 or len(rows) < _FEWEST:
        return None
    names = short_keys(keys)
    axes_of = [_parameter(table, *pair, rows) for pair in zip(keys, names, strict=True)]
    axes_of.append(_score(table, rows))
    figure, axes = canvas(
        study_title(table.study, "parameters and score"),
        f"each line is a complete trial, coloured by its {table.objectives[0]}",
        max(WIDTH, 0.75 * len(axes_of) + 0.7),
        2.7,
        left=0.5,
        right=0.75,
        bottom=0.25,
        top=0.95 + 0.15 * max(axis.name.count("\n") for axis in axes_of),
    )
    _draw_lines(axes, axes_of)
    for x, axis in enumerate(axes_of):
        _draw_axis(axes, x, axis)
    last = len(axes_of) - 1
    steps = np.linspace(0, 1, 65)
    scale = [[(last, low), (last, high)] for low, high in itertools.pairwise(steps)]
    axes.add_collection(LineCollection(scale, colors=SCORES(steps[:-1]), linewidths=5, zorder=4))
    is_absent = any(_ABSENT in axis.heights for axis in axes_of)
    axes.set(xlim=(0, last), ylim=(_ABSENT - 0.06 if is_absent else -0.06, 1.02))
    axes.set_axis_off()
    return figure


def _draw_lines(axes: Axes, axes_of: Sequence[_Axis]) -> None:
    """Draw the trials' lines, the best ones last and thick; equal choices side by side."""
    heights = np.array([axis.heights for axis in axes_of])  # (axes, trials)
    score = heights[-1]
    aside = np.linspace(-0.012, 0.012, heights.shape[1])
    heights[:-1] += np.where(heights[:-1] > 0, 1, 0) * aside
    lines = [list(enumerate(line)) for line in heights.T.tolist()]
    best = np.arange(len(lines)) >= len(lines) - max(1, len(lines) // 10)
    axes.add_collection(
        LineCollection(
            lines,
            colors=SCORES(score),
            linewidths=np.where(best, 2.2, 1.0),
            alpha=np.where(best, 1.0, max(0.35, min(0.9, 20 / len(lines)))),
            zorder=2,
            rasterized=is_crowd(len(lines)),
        )
    )


def _draw_axis(axes: Axes, x: int, axis: _Axis) -> None:
    axes.vlines(x, 0, 1, color=EDGE, lw=1, zorder=3)
    axes.text(x, 1.05, axis.name, ha="center", va="bottom", size=8, linespacing=1.15)
    behind: dict[str, Any] = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    for height, text in axis.ticks:
        axes.text(x + 0.06, height, text, size=8, va="center", color=FAINT, bbox=behind, zorder=5)


def _parameter(table: StudyTable, key: str, name: str, rows: Sequence[TrialRow]) -> _Axis:
    domain = table.domains[key]
    lines = "\n".join(
        line for part in name.replace(".", ".\n").split("\n") for line in textwrap.wrap(part, 11)
    )
    heights = [_height(domain, row.params[key]) if key in row.params else _ABSENT for row in rows]
    ticks = _ticks(domain)
    if _ABSENT in heights:
        ticks.append((_ABSENT, "not drawn"))
    return _Axis(lines, heights, ticks)


def _score(table: StudyTable, rows: Sequence[TrialRow]) -> _Axis:
    objective = table.objectives[0]
    worst, best = score_limits(table, [value_of(row) for row in rows])
    ticks = MaxNLocator(5).tick_values(*sorted((worst, best)))
    heights = {float(t): (float(t) - worst) / (best - worst) for t in ticks}
    return _Axis(
        axis_label(objective),
        [min(1.0, max(0.0, (value_of(row) - worst) / (best - worst))) for row in rows],
        [(h, tick_format(objective)(t, 0)) for t, h in heights.items() if 0 <= h <= 1],
    )


def _height(domain: Domain, value: Value) -> float:
    """Where a value stands between the ends of its axis."""
    if isinstance(domain, Choices):
        return domain.values.index(value) / max(1, len(domain.values) - 1)
    low, high, at = domain.low, domain.high, float(value or 0)
    if domain.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return (at - low) / (high - low)


def _ticks(domain: Domain) -> list[tuple[float, str]]:
    if isinstance(domain, Choices):
        values = domain.values
        shown = values if len(values) <= _TICKS else (values[0], values[-1])
        return [(_height(domain, v), shorten(format_override(v), 10)) for v in shown]
    low, high = domain.low, domain.high
    middle = math.sqrt(low * high) if domain.log else (low + high) / 2
    return [(_height(domain, value), f"{value:.3g}") for value in (low, middle, high)]
