"""A search trial by trial: what each reached, and the best so far."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ferlab.analysis.search.marks import BASELINE, draw_noise, draw_scores, score_limits
from ferlab.figure_style import (
    FAINT,
    INK,
    PAPER,
    VERMILION,
    WIDTH,
    canvas,
    is_crowd,
    legend_above,
    score_axis,
    study_title,
    styled,
    whole_number_limits,
)
from ferlab.study.objectives import format_value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize, shorten


@styled
def optimization_history(table: StudyTable) -> Figure | None:
    """Draw each trial's first objective by number, with its seeds, and the best so far."""
    reached = {row.number: _last_value(row) for row in table.rows if row.state != "failed"}
    reached = {number: value for number, value in reached.items() if np.isfinite(value)}
    if not reached:
        return None
    less = table.minimised[0]
    worst, limit = score_limits(table, list(reached.values()))
    beyond = {n for n, value in reached.items() if (value > worst if less else value < worst)}
    note = _note(table)
    if beyond:
        note += f"; {'above' if less else 'below'} the axis (triangles): {len(beyond)}"
    title = study_title(table.study, "optimisation history")
    figure, axes = canvas(title, note, WIDTH, 2.7, left=0.75)
    draw_noise(axes, table)
    draw_scores(axes, table, {row.number: row.number for row in table.complete})
    size = 12 if len(table.rows) > 60 else 24
    hollow: dict[str, Any] = {"s": size, "facecolor": PAPER, "linewidths": 0.9, "zorder": 3}
    for state, label, colour in (
        ("pruned", "pruned, last epoch", FAINT),
        ("running", "running", INK),
    ):
        rows = [row for row in table.of(state) if row.epochs]  # type: ignore[arg-type]
        if rows:
            places = [row.number for row in rows], list(map(_last_value, rows))
            axes.scatter(*places, label=label, ec=colour, **hollow, rasterized=is_crowd(len(rows)))
    off = sorted(beyond)
    side: dict[str, Any] = {"marker": "^" if less else "v", "clip_on": False, "zorder": 4}
    axes.scatter(off, [worst] * len(off), s=22, color=FAINT, **side, rasterized=is_crowd(len(off)))
    _draw_failed(axes, table.of("failed"), 1.0 if less else 0.0)
    _draw_best_so_far(axes, table)
    axes.set(xlabel="trial", xlim=whole_number_limits(table.rows[0].number, table.rows[-1].number))
    axes.set_ylim(*((limit, worst) if less else (worst, limit)))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    score_axis(axes, table.objectives[0])
    legend_above(figure)
    return figure


def _note(table: StudyTable) -> str:
    best, baseline = table.best, table.baseline_row
    if best is None:
        return "nothing is complete yet"
    objective = table.objectives[0]
    value = format_value(objective, value_of(best))
    note = f"best: trial {best.number}, {shorten(best.name, 44)}: {value}"
    if baseline is not None and baseline is not best:
        note += f"; {BASELINE}: trial {baseline.number}"
        note += f", {format_value(objective, value_of(baseline))}"
    return f"{note}; of {pluralize(len(table.complete), 'complete trial')}"


def _draw_failed(axes: Axes, rows: list[TrialRow], edge: float) -> None:
    if rows:
        numbers, places = [row.number for row in rows], [edge] * len(rows)
        style: dict[str, Any] = {"marker": "x", "c": INK, "clip_on": False, "zorder": 4}
        axes.scatter(
            numbers,
            places,
            s=24,
            label="failed",
            transform=axes.get_xaxis_transform(),
            **style,
            rasterized=is_crowd(len(rows)),
        )


def _draw_best_so_far(axes: Axes, table: StudyTable) -> None:
    if not table.kept:
        return
    numbers = [row.number for row in table.kept]
    better = np.minimum if table.minimised[0] else np.maximum
    best = better.accumulate([value_of(row) for row in table.kept])
    ends = [*numbers, table.rows[-1].number], [*best, best[-1]]
    axes.step(*ends, where="post", c=VERMILION, lw=1.2, label="best so far")


def _last_value(row: TrialRow) -> float:
    """A trial's value, or that of its last epoch; NaN without either."""
    if row.values:
        return row.values[0]
    return row.epochs[max(row.epochs)] if row.epochs else float("nan")
