"""Pictures of a comparison: pure functions to a `matplotlib.figure.Figure`, without pyplot."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison.compare import Comparison
from ferlab.analysis.comparison.curves import Band
from ferlab.analysis.comparison.verdict import p_in_words, points
from ferlab.errors import EvidenceError
from ferlab.figure_style import (
    BLUE,
    DASHED,
    FAINT,
    INK,
    PAPER,
    VERMILION,
    WIDTH,
    canvas,
    legend_above,
    styled,
)

METRIC_NAMES: Mapping[Metric, str] = {"accuracy": "accuracy", "f1": "macro F1"}

# Okabe and Ito's, in the order in which curves take them.
COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_NAME = 34
"""Characters of a name on one line."""


@styled
def forest(comparisons: Sequence[Comparison], metric: Metric = "accuracy") -> Figure:
    """Each arm's difference to the baseline with its interval, in points.

    The thin line is the interval over seeds and images at the level of the test, the thick one
    that over seeds on these very images, at 95 %.

    Raises:
        EvidenceError: there is no comparison.
    """
    if not comparisons:
        raise EvidenceError("a forest plot needs at least one comparison")
    first, m = comparisons[0], len(comparisons)
    title = f"Difference in {METRIC_NAMES[metric]} to {_short(first.baseline)}"
    note = (
        f"points; repeated intervals over seeds and images (thick: seeds alone, 95 %); "
        f"{first.images:,} images"
    )
    row = 0.68  # inches: a line for the name, one for the numbers, and the interval
    figure, axes = canvas(title, note, WIDTH, row * m, left=0.3, right=0.3, bottom=0.65, top=0.8)
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    at["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}  # hides the grid
    for place, comparison in enumerate(comparisons):
        found = comparison.difference(metric)
        value, ends = found.estimate.value, found.interval
        is_clear = ends[0] > 0 or ends[1] < 0
        colour = FAINT if not is_clear else BLUE if value > 0 else VERMILION
        axes.hlines(place, 100 * ends[0], 100 * ends[1], color=colour, linewidth=1.4)
        low, high = (100 * end for end in found.same_images.interval())
        axes.hlines(place, low, high, color=colour, linewidth=4.5, alpha=0.35)
        axes.plot(100 * value, place, "o", color=colour, ms=6)
        numbers = f"{points(value)}  ({points(ends[0])} to {points(ends[1])})"
        axes.text(0, place - 0.62, _short(comparison.arm, 62), **at)
        axes.text(0, place - 0.36, numbers, **at, weight="bold")
        told = f"{p_in_words(found.estimate.p)}, {len(comparison.seeds)} seeds"
        axes.text(1, place - 0.36, told, **at, ha="right")
    axes.axvline(0, **DASHED)
    axes.set(ylim=(m - 0.65, -0.8), yticks=[])
    below: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "color": FAINT}
    down = -0.3 / (row * m)
    axes.text(0, down, f"← worse than {_short(first.baseline)}", **below)
    axes.text(1, down, "better →", ha="right", **below)
    axes.margins(x=0.08)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


@styled
def paired_seeds(comparison: Comparison, metric: Metric = "accuracy") -> Figure:
    """Each seed's two runs, joined; blue where the second is the better; and both means."""
    found = comparison.difference(metric)
    before, after = found.baseline.runs, found.arm.runs
    won = int((after > before).sum())
    note = (
        f"{METRIC_NAMES[metric]} of each seed's two runs; {_short(comparison.arm)} is higher in "
        f"{won} of {len(after)}. Bars: 95 % interval over seeds"
    )
    figure, axes = canvas("Seed by seed", note, WIDTH, 3.1, left=0.65, bottom=0.75)
    for seed, x, y in zip(comparison.seeds, before, after, strict=True):
        colour = BLUE if y > x else VERMILION if y < x else FAINT
        axes.plot([0, 1], [x, y], "o-", color=colour, linewidth=1.1, ms=4, label=f"seed {seed}")
    for place, score, side in ((-0.14, found.baseline, -1), (1.14, found.arm, 1)):
        low, high = score.same_images.interval()
        axes.vlines(place, low, high, color=INK, linewidth=1.2)
        axes.plot(place, score.same_images.value, "D", color=INK, ms=6)
        text = _value(metric, score.same_images.value)
        align = "left" if side > 0 else "right"
        axes.text(place + 0.05 * side, score.same_images.value, text, va="center", ha=align,
                  weight="bold")  # fmt: skip
    axes.set_xticks([0, 1], [_wrapped(comparison.baseline), _wrapped(comparison.arm)], color=INK)
    axes.set(xlim=(-0.52, 1.52))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _value(metric, value)))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y")
    axes.tick_params(length=0)
    return figure


@styled
def confusion_difference(comparison: Comparison) -> Figure:
    """What the first takes for what more often (+) or less often (−) than the baseline.

    In images per run, mean over seeds; and the difference in each class's recall, in points, with
    its 95 % interval.
    """
    k, counts = len(comparison.classes), comparison.confusion
    note = (
        f"images per run, {_short(comparison.arm)} less {_short(comparison.baseline)}, mean of "
        f"{len(comparison.seeds)} seeds; blue is gained"
    )
    title = "Classes gained and lost"
    cell, gap, beside = 0.41, 0.12, 1.2  # inches
    left = 0.4 + 0.07 * max(map(len, comparison.classes))
    inside = cell * k + gap + beside
    width = max(WIDTH, left + inside + 0.15)
    figure, whole = canvas(
        title, note, width, cell * k, left=left, right=width - left - inside, bottom=0.2 + left
    )
    whole.set_axis_off()
    cells = whole.inset_axes((0, 0, cell * k / inside, 1))
    bars = whole.inset_axes((1 - beside / inside, 0, beside / inside, 1))
    # More on the diagonal is a gain, more beside it a loss.
    good = np.where(np.eye(k, dtype=bool), counts, -counts)
    most = max(float(np.abs(good).max()), 1e-9)
    for true, guess in np.ndindex(k, k):
        share = good[true, guess] / most
        colour = BLUE if share > 0 else VERMILION
        corner = (guess - 0.5, true - 0.5)
        cells.add_patch(Rectangle(corner, 1, 1, color=colour, alpha=0.65 * abs(share), lw=0))
        weight = "bold" if true == guess else "normal"
        text = _signed(float(counts[true, guess]))
        cells.text(guess, true, text, ha="center", va="center", size=8, weight=weight)
    cells.set_xticks(range(k), comparison.classes, rotation=90)
    cells.set_yticks(range(k), comparison.classes)
    cells.set(xlabel="predicted", ylabel="true", xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5))
    for row, recall in enumerate(comparison.recalls):
        if recall is None:
            continue
        low, high = (100 * end for end in recall.interval())
        colour = BLUE if low > 0 else VERMILION if high < 0 else FAINT
        bars.hlines(row, low, high, color=colour, linewidth=1.4)
        bars.plot(100 * recall.value, row, "o", color=colour, ms=5)
        text = points(recall.value)
        bars.text(1.0, row, text, transform=bars.get_yaxis_transform(), va="center", ha="right")
    bars.axvline(0, **DASHED)
    lowest, highest = min(bars.get_xlim()[0], -1), max(bars.get_xlim()[1], 1)
    bars.set(xlim=(lowest, highest + 0.6 * (highest - lowest)), ylim=cells.get_ylim(), yticks=[])
    bars.set_xlabel("recall, points,\n95 % interval")
    bars.set_xticks(
        [x for x in MaxNLocator(3).tick_values(lowest, highest) if lowest < x < highest]
    )
    bars.grid(axis="x")
    for axes in (cells, bars):
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
    return figure


@styled
def mean_curves(bands: Mapping[str, Band], metric: str) -> Figure:
    """Each arm's mean curve by epoch, with its 95 % interval over seeds.

    Args:
        bands: of each arm, by name.
        metric: what they show, e.g. ``val/accuracy``.

    Raises:
        EvidenceError: there is no band.
    """
    if not bands:
        raise EvidenceError("curves need at least one arm")
    note = f"{metric} by epoch: mean over seeds and its 95 % interval"
    figure, axes = canvas("Curves", note, WIDTH, 2.9, left=0.6)
    for i, (name, band) in enumerate(bands.items()):
        epochs = np.arange(1, len(band.mean) + 1)
        colour, style = COLOURS[i % len(COLOURS)], ("-", "--", ":")[i // len(COLOURS) % 3]
        axes.fill_between(epochs, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(epochs, band.mean, style, color=colour, label=_short(name, 60))
    longest = max(len(band.mean) for band in bands.values())
    axes.set(xlabel="epoch", xlim=(0.5, longest + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.grid(axis="y")
    axes.set_ylabel(metric)
    legend_above(figure, 1)
    return figure


def _value(metric: Metric, value: float) -> str:
    return f"{value:.1%}" if metric == "accuracy" else f"{value:.3f}"


def _signed(images: float) -> str:
    """A number of images with its sign; nothing where it rounds to zero."""
    return f"{images:+.1f}".replace("-", "−") if abs(images) >= 0.05 else "0"


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, _NAME, max_lines=2, placeholder=" …"))


def _short(name: str, width: int = _NAME) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
