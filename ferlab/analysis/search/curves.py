"""The learning curves of a study's trials."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ferlab.figure_style import (
    BLUE,
    INK,
    PAPER,
    VERMILION,
    WIDTH,
    canvas,
    legend_above,
    score_axis,
    study_title,
    styled,
    whole_number_limits,
)
from ferlab.study.table import StudyTable
from ferlab.text import pluralize, shorten

_MOST = 400
"""Curves that are drawn; more take long, and cover each other."""


@styled
def trial_curves(table: StudyTable) -> Figure | None:
    """Draw every trial's first objective by epoch; the curves of pruned trials end early."""
    rows = [row for row in table.rows if row.epochs]
    if not rows:
        return None
    best, step = table.best, math.ceil(len(rows) / _MOST)
    figure, axes = canvas(
        study_title(table.study, "learning curves"),
        f"{table.objectives[0]} of {pluralize(len(rows), 'trial')}"
        + (f", one of {step} drawn" if step > 1 else "")
        + (", the first seed of each" if table.replicates > 1 else "")
        + (f"; best: trial {best.number}, {shorten(best.name, 44)}" if best else ""),
        WIDTH,
        2.7,
        left=0.75,
    )
    rows = rows[::step]
    faint = max(0.25, min(0.9, 12 / len(rows)))
    styles: Mapping[str, Any] = {
        "complete": {"color": BLUE, "alpha": faint},
        "pruned": {"color": INK, "alpha": max(0.5, faint), "linestyle": (0, (2, 1.5))},
        "failed": {"color": INK, "alpha": faint, "linestyle": ":"},
        "running": {"color": INK, "alpha": 0.9, "linewidth": 0.9},
    }
    for state, style in styles.items():
        chosen = [row for row in rows if row.state == state]
        if chosen:
            axes.plot([], [], label=state, **{"linewidth": 1, **style, "alpha": 1})
        for row in chosen:
            epochs, values = zip(*sorted(row.epochs.items()), strict=True)
            dot = {"marker": "o", "ms": 3} if len(epochs) == 1 else {}  # no line would show it
            axes.plot(epochs, values, **{"linewidth": 1, **style, **dot})
            if state != "complete":
                axes.plot(epochs[-1], values[-1], "o", ms=3, mfc=PAPER, mew=0.7, c=style["color"])
    if best is not None and best.epochs:
        epochs, values = zip(*sorted(best.epochs.items()), strict=True)
        mark = "o" if len(epochs) == 1 else None
        axes.plot(epochs, values, c=VERMILION, lw=2.4, marker=mark, label="best", zorder=5)
    last = max(max(row.epochs) for row in rows)
    axes.set(xlabel="epoch", xlim=whole_number_limits(1, max(table.epochs, last)))
    axes.set_ylim(*_curve_limits([value for row in rows for value in row.epochs.values()]))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    score_axis(axes, table.objectives[0])
    legend_above(figure, 4)
    return figure


def _curve_limits(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The ends of an axis of curves, where a few outliers must not flatten the others."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.02, 0.98))
    room = (high - low) or 1.0
    return max(low - room, finite.min()) - room / 20, min(high + room, finite.max()) + room / 20
