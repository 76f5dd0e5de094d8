"""The picture of repeated searches: a pure function to a `matplotlib.figure.Figure`."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.analysis.repeated.outcome import Outcome
from ferlab.figure_style import BLUE, FAINT, PAPER, VERMILION, WIDTH, canvas, legend_above, styled
from ferlab.study.objectives import axis_label, tick_format
from ferlab.text import shorten

_NAME = 62
"""Characters of a winner's name on its line."""


@styled
def repeats_figure(outcome: Outcome) -> Figure:
    """Each search's winner: its score when it was chosen, and again under a fresh seed."""
    count, row = len(outcome.searches), 0.42  # inches: a line for the name, one for the scores
    title = f"What {count} searches found"
    note = "each winner when it was chosen, and once more under a seed that no search had used"
    if outcome.fresh.estimate is not None:
        note += "; shaded: the mean under fresh seeds with its 95 % interval"
    figure, axes = canvas(title, note, WIDTH, row * count, left=0.3, right=0.3)
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    at["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}  # hides the grid
    selected, fresh = outcome.selected.values, outcome.fresh.values
    places = range(count)
    if (estimate := outcome.fresh.estimate) is not None:
        axes.axvspan(*estimate.interval(), color=BLUE, alpha=0.12, linewidth=0)
        axes.axvline(estimate.value, color=BLUE, linewidth=0.8)
    axes.hlines(places, selected, fresh, color=FAINT, linewidth=0.8)
    axes.plot(selected, places, "o", color=FAINT, fillstyle="none", ms=6, label="chosen for")
    axes.plot(fresh, places, "o", color=BLUE, ms=6, label="fresh seed")
    baseline = [(s.baseline, i) for i, s in enumerate(outcome.searches) if s.baseline is not None]
    if baseline:
        values, rows = zip(*baseline, strict=True)
        axes.plot(values, rows, "|", color=VERMILION, ms=11, mew=1.6, label="baseline, same seed")
    for place, search in enumerate(outcome.searches):
        axes.text(0, place - 0.45, shorten(f"{place + 1}  {search.winner}", _NAME), **at)
    axes.set(ylim=(count - 0.6, -0.8), yticks=[], xlabel=axis_label(outcome.objective))
    axes.grid(axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(tick_format(outcome.objective)))
    legend_above(figure)
    return figure
