"""The Pareto front of a study with several objectives."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.figure_style import (
    EDGE,
    VERMILION,
    WIDTH,
    add_room,
    canvas,
    is_crowd,
    legend,
    legend_height,
    score_axis,
    study_title,
    styled,
)
from ferlab.study.objectives import axis_label, format_value, tick_format
from ferlab.study.table import StudyTable
from ferlab.text import pluralize, shorten

_LISTED = 12
"""Largest number of trials of the front that are listed beneath it."""


@styled
def front(table: StudyTable) -> Figure | None:
    """Draw the first objective against each other one, with the Pareto front."""
    best = table.front
    if len(table.objectives) < 2 or not best:
        return None
    panels = len(table.objectives) - 1
    listed = [
        f"{row.number:>4}  {shorten(row.name, 34)}: "
        + ", ".join(map(format_value, table.objectives, row.values or ()))
        for row in best[:_LISTED]
    ]
    if len(best) > _LISTED:
        listed.append(f"and {len(best) - _LISTED} more")
    listed.insert(0, "on the front, best first:")
    note = (
        f"{pluralize(len(best), 'trial')} of {len(table.complete):,} complete ones "
        f"that no other beats in one objective without losing in another"
    )
    inside, gap, beneath = WIDTH - 1.05, 0.3, 0.6 + 0.17 * len(listed)
    wide = (inside + gap) / panels - gap
    figure, whole = canvas(
        study_title(table.study, "Pareto front"),
        note,
        WIDTH,
        2.6,
        left=0.75,
        right=0.3,
        bottom=beneath,
    )
    whole.set_axis_off()
    for i in range(1, panels + 1):
        axes = whole.inset_axes(((i - 1) * (wide + gap) / inside, 0, wide / inside, 1))
        for rows, colour, size, label in (
            (table.complete, EDGE, 16, "complete"),
            (best, VERMILION, 30, "on the front"),
        ):
            values = np.array([row.values for row in rows])
            axes.scatter(
                values[:, i],
                values[:, 0],
                s=size,
                color=colour,
                label=label,
                zorder=3,
                rasterized=is_crowd(len(rows)),
            )
        if panels == 1:
            steps = np.array(sorted((row.values or ())[1::-1] for row in best))
            axes.step(*steps.T, where="post" if table.minimised[1] else "pre", c=VERMILION, lw=0.8)
        score_axis(axes, table.objectives[0])
        if i > 1:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        axes.set_xlabel(axis_label(table.objectives[i]))
        axes.xaxis.set_major_locator(MaxNLocator(5 if panels == 1 else 3))
        axes.xaxis.set_major_formatter(FuncFormatter(tick_format(table.objectives[i])))
        axes.margins(0.08)
        legend(axes, 2 if panels == 1 else 1)
    whole.text(-0.1, -0.5 / 2.6, "\n".join(listed), va="top", size=8, linespacing=1.5)
    add_room(figure, legend_height(2, 2 if panels == 1 else 1))
    return figure
