"""Pictures of a study: pure functions from its table to a `matplotlib.figure.Figure`.

Each returns None where there is nothing to draw. They are in the style of a run's pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.analysis.search.importance import parameter_importances
from ferlab.analysis.search.placement import placement
from ferlab.figure_style import (
    BLUE,
    EDGE,
    FAINT,
    INK,
    VERMILION,
    canvas,
    legend,
    score_axis,
    study_title,
    styled,
    whole_number_limits,
)
from ferlab.study.objectives import axis_label, format_value, tick_format
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize, shorten

_LISTED = 12
"""Largest number of trials of the front that are listed beside it."""


def draw_search(table: StudyTable) -> dict[str, Figure]:
    """Draw all pictures for which there is something to draw, by name."""
    drawn = {name: picture(table) for name, picture in PICTURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


@styled
def optimization_history(table: StudyTable) -> Figure | None:
    """Draw each trial's first objective by number, and the best so far."""
    ended = {row.number: _last_value(row) for row in table.rows if row.state != "failed"}
    shown = {number: value for number, value in ended.items() if np.isfinite(value)}
    if not shown:
        return None
    objective, less = table.objectives[0], table.minimised[0]
    best = table.best
    note = "nothing is complete yet"
    if best is not None:
        value = format_value(objective, value_of(best))
        note = f"best: trial {best.number}, {shorten(best.name, 44)}: {value}"
        note += f"; of {pluralize(len(table.complete), 'complete trial')}"
    worst, limit = _score_limits(table, list(shown.values()))
    beyond = {n for n, value in shown.items() if (value > worst if less else value < worst)}
    if beyond:
        note += f"; {'above' if less else 'below'} the axis (triangles): {len(beyond)}"
    figure, axes = canvas(
        study_title(table.study, "optimisation history"), note, 9, 3.4, left=0.85, top=0.98
    )

    def dots(rows: list[TrialRow], label: str, **style: Any) -> None:
        values = [_last_value(row) for row in rows]
        if rows:
            axes.scatter([row.number for row in rows], values, label=label, zorder=3, **style)
        off = [row.number for row in rows if row.number in beyond]
        style |= {"marker": "^" if less else "v", "s": 22, "clip_on": False, "zorder": 4}
        axes.scatter(off, [worst] * len(off), **style)

    small = len(table.rows) > 60
    seeds = [(r.number, v) for r in table.complete if len(r.replicates) > 1 for v in r.replicates]
    if seeds:
        xs, ys = zip(*seeds, strict=True)
        axes.scatter(xs, ys, s=5, c=FAINT, lw=0, alpha=0.7, label="each seed")
    dots(table.complete, "complete", s=14 if small else 26, color=BLUE)
    hollow: dict[str, Any] = {"s": 12 if small else 24, "facecolor": "white", "linewidths": 0.9}
    dots([r for r in table.of("pruned") if r.epochs], "pruned, last epoch", ec=FAINT, **hollow)
    dots([r for r in table.of("running") if r.epochs], "running", ec=VERMILION, **hollow)
    failed = [row.number for row in table.of("failed")]
    if failed:
        beneath: dict[str, Any] = {
            "transform": axes.get_xaxis_transform(),
            "clip_on": False,
            "zorder": 4,
        }
        edge = [1.0 if less else 0.0] * len(failed)
        axes.scatter(failed, edge, s=24, c=INK, marker="x", label="failed", **beneath)
    if table.kept:
        numbers = [row.number for row in table.kept]
        running = (np.minimum if less else np.maximum).accumulate(list(map(value_of, table.kept)))
        last = table.rows[-1].number
        axes.step(
            [*numbers, last],
            [*running, running[-1]],
            where="post",
            c=VERMILION,
            label="best so far",
        )
    axes.set(xlabel="trial", xlim=whole_number_limits(table.rows[0].number, table.rows[-1].number))
    axes.set_ylim(*((limit, worst) if less else (worst, limit)))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    score_axis(axes, objective)
    legend(axes, 6)
    return figure


@styled
def front(table: StudyTable) -> Figure | None:
    """Draw the first objective against each other one, with the Pareto front."""
    best = table.front
    if len(table.objectives) < 2 or not best:
        return None
    panels = len(table.objectives) - 1
    lines = [
        f"{row.number:>4}  {shorten(row.name, 26)}: "
        + ", ".join(map(format_value, table.objectives, row.values or ()))
        for row in best[:_LISTED]
    ]
    if len(best) > _LISTED:
        lines.append(f"and {len(best) - _LISTED} more")
    note = (
        f"{pluralize(len(best), 'trial')} of {len(table.complete):,} complete ones "
        f"that no other beats in one objective without losing in another"
    )
    beside = 0.4 + 0.068 * max(map(len, lines))
    wide, gap = 4.4, 0.95
    figure, whole = canvas(
        study_title(table.study, "Pareto front"),
        note,
        0.8 + panels * (wide + gap) - gap + beside,
        3.6,
        left=0.8,
        right=beside,
        top=0.92,
    )
    whole.set_axis_off()
    inside = panels * (wide + gap) - gap
    for i in range(1, panels + 1):
        axes = whole.inset_axes(((i - 1) * (wide + gap) / inside, 0, wide / inside, 1))
        for rows, colour, size in ((table.complete, EDGE, 16), (best, VERMILION, 30)):
            values = np.array([row.values for row in rows])
            axes.scatter(values[:, i], values[:, 0], s=size, color=colour, zorder=3)
        if panels == 1:
            steps = np.array(sorted((row.values or ())[1::-1] for row in best))
            axes.step(*steps.T, where="post" if table.minimised[1] else "pre", c=VERMILION, lw=0.8)
        score_axis(axes, table.objectives[0])
        axes.set_xlabel(axis_label(table.objectives[i]))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(tick_format(table.objectives[i])))
        axes.margins(0.08)
    lines.insert(0, "on the front, best first")
    whole.text(1 + 0.25 / inside, 0.98, "\n".join(lines), va="top", size=8, linespacing=1.5)
    return figure


@styled
def trial_curves(table: StudyTable) -> Figure | None:
    """Draw every trial's first objective by epoch; the curves of pruned trials end early."""
    rows = [row for row in table.rows if row.epochs]
    if not rows:
        return None
    best = table.best
    figure, axes = canvas(
        study_title(table.study, "learning curves"),
        f"{table.objectives[0]} of {pluralize(len(rows), 'trial')}"
        + (", the first seed of each" if table.replicates > 1 else "")
        + (f"; best: trial {best.number}, {shorten(best.name, 44)}" if best else ""),
        9,
        3.6,
        left=0.85,
        top=0.98,
    )
    faint = max(0.25, min(0.9, 12 / len(rows)))
    styles: Mapping[str, Any] = {
        "complete": {"color": BLUE, "alpha": faint},
        "pruned": {"color": INK, "alpha": max(0.5, faint), "linestyle": (0, (2, 1.5))},
        "failed": {"color": INK, "alpha": faint, "linestyle": ":"},
        "running": {"color": VERMILION, "alpha": 0.9, "linewidth": 0.9},
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
                axes.plot(epochs[-1], values[-1], "o", ms=3, mfc="white", mew=0.7, c=style["color"])
    if best is not None and best.epochs:
        epochs, values = zip(*sorted(best.epochs.items()), strict=True)
        mark = "o" if len(epochs) == 1 else None
        axes.plot(epochs, values, c=BLUE, lw=2.4, marker=mark, label="best", zorder=5)
    last = max(max(row.epochs) for row in rows)
    axes.set(xlabel="epoch", xlim=whole_number_limits(1, max(table.epochs, last)))
    axes.set_ylim(*_curve_limits([value for row in rows for value in row.epochs.values()]))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    score_axis(axes, table.objectives[0])
    legend(axes, 6)
    return figure


PICTURES: Mapping[str, Callable[[StudyTable], Figure | None]] = {
    "history": optimization_history,
    "placement": placement,
    "importances": parameter_importances,
    "front": front,
    "curves": trial_curves,
}
"""Functions that draw each picture, by the name of its file."""


def _score_limits(table: StudyTable, values: list[float]) -> tuple[float, float]:
    """The worst and the best end of a score axis that a few bad trials must not flatten."""
    less = table.minimised[0]
    complete = [value_of(row) for row in table.complete] or values
    complete += [value for row in table.complete for value in row.replicates]
    sign = 1 if less else -1
    behind = np.array([*complete, *values]) * sign
    best = behind[: len(complete)].min()
    behind -= best
    span = np.quantile(behind[: len(complete)], 0.8) or abs(best) * 0.02 or 1.0
    reach = behind[behind <= 3 * span].max() or span
    return sign * (best + reach * 1.06), sign * (best - reach * 0.08)


def _curve_limits(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The ends of an axis of curves, where a few outliers must not flatten the others."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.02, 0.98))
    room = (high - low) or 1.0
    return max(low - room, finite.min()) - room / 20, min(high + room, finite.max()) + room / 20


def _last_value(row: TrialRow) -> float:
    """A trial's value, or that of its last epoch; NaN without either."""
    if row.values:
        return row.values[0]
    return row.epochs[max(row.epochs)] if row.epochs else float("nan")
