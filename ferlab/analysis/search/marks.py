"""How a trial's score and its noise are marked, the same in every picture of a search."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ferlab.analysis.search import uncertainty
from ferlab.figure_style import BLUE, DASHED, FAINT, RULE, VERMILION, is_crowd
from ferlab.study.table import StudyTable, TrialRow, value_of

BASELINE = "baseline"

_MANY, _VERY_MANY = 60, 2000
"""Trials from which on their marks are small, and smaller."""


def draw_noise(axes: Axes, table: StudyTable) -> None:
    """Behind everything, the scores that are too close to the best to be told from it."""
    margin, best = uncertainty.margin(table), table.best
    if margin and best is not None:
        far = value_of(best) + margin * (1 if table.minimised[0] else -1)
        label = "within chance of the best"
        axes.axhspan(*sorted((value_of(best), far)), color=RULE, alpha=0.6, lw=0, label=label)


def draw_scores(axes: Axes, table: StudyTable, places: Mapping[int, float]) -> None:
    """The first objective of complete trials, and of their seeds with the interval of each mean.

    The best stands out, and so does the baseline.

    Args:
        axes: where to draw.
        table: the study.
        places: the place of each trial, by its number, along the other axis.
    """
    rows = [row for row in table.complete if row.number in places]
    count = len(table.rows)
    size = 26 if count <= _MANY else 14 if count <= _VERY_MANY else 4
    best, baseline = table.best, table.baseline_row
    if baseline is not None:
        axes.axhline(value_of(baseline), **DASHED, zorder=1)
    repeated = [row for row in rows if len(row.replicates) > 1]
    seeds = [(places[row.number], score) for row in repeated for score in row.replicates]
    if seeds:
        style: dict[str, Any] = {"s": size / 3, "color": FAINT, "lw": 0, "alpha": 0.75, "zorder": 2}
        axes.scatter(
            *zip(*seeds, strict=True), label="each seed", **style, rasterized=is_crowd(len(seeds))
        )
        middle = np.array([value_of(row) for row in repeated])
        half = np.array([uncertainty.half_width(table, row) for row in repeated])
        if np.isfinite(half).all():
            ends = [places[row.number] for row in repeated], middle - half, middle + half
            colours = [_colour(row, best) for row in repeated]
            style = {
                "colors": colours,
                "lw": 1.2,
                "zorder": 3,
                "rasterized": is_crowd(len(repeated)),
            }
            axes.vlines(*ends, label="95 % interval", **style)
    plain = [row for row in rows if row is not best and row is not baseline]
    for chosen, marker, label in (
        (plain, "o", "complete"),
        ([row for row in rows if row is baseline], "D", BASELINE),
        ([row for row in rows if row is best and row is not baseline], "o", "best"),
    ):
        if chosen:
            points = [places[row.number] for row in chosen], [value_of(row) for row in chosen]
            colour, large = _colour(chosen[0], best), size * (1 if label == "complete" else 1.5)
            marked: dict[str, Any] = {"s": large, "color": colour, "marker": marker, "zorder": 4}
            axes.scatter(*points, label=label, **marked, rasterized=is_crowd(len(chosen)))


def score_limits(table: StudyTable, values: list[float]) -> tuple[float, float]:
    """The worst and the best end of a score axis that a few bad trials must not flatten."""
    less = table.minimised[0]
    complete = [value_of(row) for row in table.complete] or values
    for row in table.complete:
        if len(row.replicates) > 1:
            half = np.nan_to_num(uncertainty.half_width(table, row))
            complete += [*row.replicates, value_of(row) - half, value_of(row) + half]
    sign = 1 if less else -1
    behind = np.array([*complete, *values]) * sign
    best = behind[: len(complete)].min()
    behind -= best
    span = np.quantile(behind[: len(complete)], 0.8) or abs(best) * 0.02 or 1.0
    reach = behind[behind <= 3 * span].max() or span
    return sign * (best + reach * 1.06), sign * (best - reach * 0.08)


def _colour(row: TrialRow, best: TrialRow | None) -> str:
    return VERMILION if row is best else BLUE
