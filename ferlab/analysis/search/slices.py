"""The score against each swept parameter alone: one panel for each."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ferlab.analysis.search.marks import draw_noise, draw_scores, score_limits
from ferlab.figure_style import (
    FAINT,
    INK,
    WIDTH,
    add_room,
    canvas,
    is_crowd,
    legend_height,
    score_axis,
    short_keys,
    study_title,
    styled,
)
from ferlab.study.params import Choices, Domain, Range, Value, format_override
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import shorten

_LETTERS = 24
"""Letters beneath a narrow panel; more are written upright."""

_SPREAD = 0.26
"""Half the room that the trials of one choice are spread over, of the distance to the next."""


def varied(table: StudyTable) -> list[str]:
    """The swept parameters of which complete trials have more than one value."""
    values: dict[str, set[Value]] = defaultdict(set)
    for row in table.complete:
        for key, value in row.params.items():
            values[key].add(value)
    return [key for key in table.domains if len(values[key]) > 1]


@styled
def slices(table: StudyTable) -> Figure | None:
    """Draw the first objective of each trial against every parameter that was varied."""
    keys = varied(table)
    if not keys:
        return None
    columns = min(2, len(keys))
    labels = {key: _labels(table.domains[key]) for key in keys}
    upright = [key for key in keys if sum(map(len, labels[key])) > _LETTERS * (3 - columns)]
    letters = max((len(text) for key in upright for text in labels[key]), default=0)
    lines = -(-len(keys) // columns)
    wide = (WIDTH - 0.95 - 0.3 * (columns - 1)) / columns
    high, gap = 2.5 if len(keys) == 1 else 1.55, 0.55 + 0.07 * letters
    height, inside = lines * (high + gap) - gap, WIDTH - 0.95
    figure, whole = canvas(
        study_title(table.study, "one parameter at a time"),
        _note(table),
        WIDTH,
        height,
        left=0.75,
        bottom=gap,
        top=0.8,
    )
    whole.set_axis_off()
    limits = score_limits(table, [])
    panels = []
    for i, (key, name) in enumerate(zip(keys, short_keys(keys), strict=True)):
        line, column = divmod(i, columns)
        box = (
            column * (wide + 0.3) / inside,
            1 - (line * (high + gap) + high) / height,
            wide / inside,
            high / height,
        )
        axes = whole.inset_axes(box)
        panels.append(axes)
        _draw_slice(axes, table, key, labels[key], key in upright)
        axes.set_ylim(*(reversed(limits) if table.minimised[0] else limits))
        axes.set_xlabel(name, color=INK)
        score_axis(axes, table.objectives[0])
        if column:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
    handles, names = panels[0].get_legend_handles_labels()
    whole.legend(handles, names, loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=3)
    add_room(figure, legend_height(len(names), 3))
    return figure


def _note(table: StudyTable) -> str:
    note = f"{table.objectives[0]} of complete trials"
    if table.of("pruned"):
        note += "; ticks below: pruned"
    if table.baseline_row is not None:
        note += "; dashed: the baseline"
    if any(isinstance(domain, Choices) for domain in table.domains.values()):
        note += "; bars: mean of a choice"
    return note


def _draw_slice(
    axes: Axes, table: StudyTable, key: str, labels: Sequence[str], upright: bool
) -> None:
    domain = table.domains[key]
    rows = [row for row in table.rows if key in row.params]
    complete = {row.number for row in table.complete}
    draw_noise(axes, table)
    if isinstance(domain, Choices):
        groups = [[row for row in rows if row.params[key] == value] for value in domain.values]
        places = _spread(groups)
        for i, group in enumerate(groups):
            if scores := [value_of(row) for row in group if row.number in complete]:
                axes.hlines(np.mean(scores), i - 0.4, i + 0.4, color=INK, lw=1.2, zorder=2)
        axes.set_xticks(range(len(labels)), labels, rotation=90 if upright else 0)
        axes.set_xlim(-0.6, len(labels) - 0.4)
    else:
        places = {row.number: float(row.params[key] or 0) for row in rows}
        _scale(axes, domain)
    draw_scores(axes, table, places)
    pruned = [places[row.number] for row in rows if row.state == "pruned"]
    below: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    axes.plot(
        pruned, [0] * len(pruned), "|", color=FAINT, ms=7, **below, rasterized=is_crowd(len(pruned))
    )
    axes.tick_params(axis="x", labelsize=8)


def _scale(axes: Axes, domain: Range) -> None:
    """Make the level axis a range's, with some room at its ends."""
    low, high = domain.low, domain.high
    if domain.log:
        room = (high / low) ** 0.05
        axes.set(xscale="log", xlim=(low / room, high * room))
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if high >= 50 * low else (1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        room = (high - low) * 0.05
        axes.set_xlim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=not domain.continuous and low % 1 == 0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _spread(groups: Sequence[Sequence[TrialRow]]) -> dict[int, float]:
    """The place of each trial beside the others of its choice, by its number."""
    return {
        row.number: i + (offset if len(group) > 1 else 0.0)
        for i, group in enumerate(groups)
        for row, offset in zip(group, np.linspace(-_SPREAD, _SPREAD, len(group)), strict=True)
    }


def _labels(domain: Domain) -> list[str]:
    """What stands at a choice's ticks; nothing for a range, whose ticks fit."""
    if isinstance(domain, Choices):
        return [shorten(format_override(value), 16) for value in domain.values]
    return []
