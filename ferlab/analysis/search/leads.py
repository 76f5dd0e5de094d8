"""What each listed point is ahead of the baseline, and how much of that may be chance."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.analysis.search import uncertainty
from ferlab.figure_style import (
    BLUE,
    DASHED,
    FAINT,
    INK,
    VERMILION,
    WIDTH,
    canvas,
    study_title,
    styled,
)
from ferlab.study.objectives import format_difference, format_value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize, shorten

_LETTERS = 36
"""Letters of a point's name; more do not fit beside the scale."""


@styled
def leads(table: StudyTable) -> Figure | None:
    """Draw the lead of each trial of a list over the baseline, with its 95 % interval, best first.

    In a list points are not crossed, so that a mean over all that share one value says little.
    """
    base = table.baseline_row
    rows = [row for row in table.ranked if row.params != table.baseline]
    if not table.is_listed or base is None or not rows:
        return None
    room = 0.26  # inches a point
    title = study_title(table.study, "ahead of the baseline")
    figure, axes = canvas(title, _note(table, base), WIDTH, room * len(rows), left=2.25, right=0.85)
    objective = table.objectives[0]
    unit = 100 if objective == "val/accuracy" else 1  # in points
    names: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "size": 8}
    for place, row in enumerate(rows):
        lead = uncertainty.ahead(table, row, base)
        chance = uncertainty.needed(table, row, base) or 0.0
        colour = FAINT if abs(lead) < chance else BLUE if lead > 0 else VERMILION
        ends = unit * (lead - chance), unit * (lead + chance)
        axes.hlines(place, *ends, color=colour, linewidth=1.4)
        axes.plot(unit * lead, place, "o", color=colour, ms=5)
        axes.text(-0.02, place, shorten(row.name, _LETTERS), ha="right", color=INK, **names)
        told = format_difference(objective, lead).removesuffix(" points")
        axes.text(1.02, place, f"{'+' if lead > 0 else ''}{told}", color=colour, **names)
    axes.axvline(0, **DASHED)
    axes.set(ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _note(table: StudyTable, base: TrialRow) -> str:
    objective = table.objectives[0]
    behind = "" if table.replicates < 2 else f", mean of {pluralize(table.replicates, 'seed')}"
    unit = " in points" if objective == "val/accuracy" else ""
    note = f"{objective}{behind}{unit}, beside {format_value(objective, value_of(base))} of "
    note += f"{shorten(base.name, 44)}"
    if uncertainty.needed(table, base, base) is None:
        return f"{note}; how far chance moves it was not measured"
    return f"{note}; bars: 95 % interval of one difference; grey: within chance"
