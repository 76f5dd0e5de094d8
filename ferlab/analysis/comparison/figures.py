"""Pictures of a comparison: pure functions to a `matplotlib.figure.Figure`, without pyplot."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison.compare import Comparison
from ferlab.analysis.comparison.curves import Band
from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.verdict import LEVEL, p_in_words, points
from ferlab.errors import EvidenceError
from ferlab.figure_style import BLUE, DASHED, FAINT, INK, VERMILION, canvas, legend, styled

METRIC_NAMES: Mapping[Metric, str] = {"accuracy": "accuracy", "f1": "macro F1"}

# Okabe and Ito's, in the order in which curves take them.
COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LOST_GAINED = LinearSegmentedColormap.from_list("lost_gained", [VERMILION, "#FFFFFF", BLUE])

_NAME = 34
"""Characters of a name on one line."""


@styled
def forest(comparisons: Sequence[Comparison], metric: Metric = "accuracy") -> Figure:
    """Each arm's difference to the baseline with its 95 % interval, in points.

    The thin line is the interval over seeds and images, the thick one over seeds on these very
    images.

    Raises:
        EvidenceError: there is no comparison.
    """
    if not comparisons:
        raise EvidenceError("a forest plot needs at least one comparison")
    first, m = comparisons[0], len(comparisons)
    adjusted = f", p adjusted for {m} comparisons" if m > 1 else ""
    title = f"Difference in {METRIC_NAMES[metric]} to {_short(first.baseline)}"
    note = (
        f"points, 95 % intervals over seeds and images (thick: seeds alone); {len(first.seeds)} "
        f"seeds, {first.images:,} images{adjusted}"
    )
    names = [_wrapped(comparison.arm) for comparison in comparisons]
    left = 0.35 + 0.066 * max(len(line) for name in names for line in name.split("\n"))
    inches, beside = 5.2, 2.75  # of the axes, and of the numbers to their right
    whole = left + inches + beside
    figure, axes = canvas(title, note, whole, 0.15 + 0.45 * m, left=left, right=beside, top=0.9)
    at_difference, at_p = 1 + 0.12 / inches, 1 + 2.55 / inches
    scale = axes.get_yaxis_transform()
    for row, comparison in enumerate(comparisons):
        found = comparison.difference(metric)
        low, high = (100 * end for end in found.estimate.interval())
        colour = FAINT if found.p >= LEVEL else BLUE if found.estimate.value > 0 else VERMILION
        axes.hlines(row, low, high, color=colour, linewidth=1.4)
        low, high = (100 * end for end in found.same_images.interval())
        axes.hlines(row, low, high, color=colour, linewidth=4.5, alpha=0.35)
        axes.plot(100 * found.estimate.value, row, "o", color=colour, ms=6)
        text = f"{points(found.estimate.value)}  ({_range(found.estimate)})"
        axes.text(at_difference, row, text, transform=scale, va="center", weight="bold")
        p = p_in_words(found.p).removeprefix("p = ").removeprefix("p ")
        axes.text(at_p, row, p, transform=scale, va="center", ha="right")
    axes.text(at_difference, -0.8, "difference (interval)", transform=scale, color=FAINT)
    axes.text(at_p, -0.8, "p", transform=scale, color=FAINT, ha="right")
    axes.axvline(0, **DASHED)
    axes.set_yticks(range(m), names, color=INK)
    axes.set(ylim=(m - 0.5, -0.6))
    axes.set_xlabel(f"← {_short(first.baseline)} better    |    arm better →")
    axes.margins(x=0.08)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


@styled
def paired_seeds(comparison: Comparison, metric: Metric = "accuracy") -> Figure:
    """Each seed's two runs, joined; blue where the arm's is the better; and both means."""
    found = comparison.difference(metric)
    before, after = found.baseline.runs, found.arm.runs
    won = int((after > before).sum())
    note = (
        f"{METRIC_NAMES[metric]} of each seed's two runs; the arm's is higher in {won} of "
        f"{len(after)}. Bars: 95 % interval over seeds"
    )
    figure, axes = canvas("Seed by seed", note, 6.8, 3.1, left=0.65, bottom=0.75, right=0.35)
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
    axes.set(xlim=(-0.45, 1.45))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _value(metric, value)))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y")
    axes.tick_params(length=0)
    return figure


@styled
def confusion_difference(comparison: Comparison) -> Figure:
    """What the arm takes for what more often (+) or less often (−) than the baseline.

    In images per run, mean over seeds; and the difference in each class's recall, in points, with
    its 95 % interval.
    """
    k, counts = len(comparison.classes), comparison.confusion
    note = (
        f"images per run, {_short(comparison.arm)} less {_short(comparison.baseline)}, mean of "
        f"{len(comparison.seeds)} seeds; blue is gained"
    )
    title = "Classes gained and lost"
    figure, whole = canvas(title, note, 5.0 + 0.62 * k, 0.46 * k, left=0.95, bottom=0.6)
    whole.set_axis_off()
    cells, bars = whole.inset_axes((0, 0, 0.62, 1)), whole.inset_axes((0.66, 0, 0.34, 1))
    # More on the diagonal is a gain, more beside it a loss.
    good = np.where(np.eye(k, dtype=bool), counts, -counts)
    most = max(float(np.abs(good).max()), 1e-9)
    cells.imshow(good, cmap=LOST_GAINED, vmin=-1.25 * most, vmax=1.25 * most, aspect="auto")
    for true, guess in np.ndindex(k, k):
        weight = "bold" if true == guess else "normal"
        text = _signed(float(counts[true, guess]))
        cells.text(guess, true, text, ha="center", va="center", size=8, weight=weight)
    cells.set_xticks(range(k), comparison.classes)
    cells.set_yticks(range(k), comparison.classes)
    cells.set(xlabel="predicted", ylabel="true")
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
    bars.set(xlim=(lowest, highest + 0.3 * (highest - lowest)), ylim=cells.get_ylim(), yticks=[])
    bars.set_xlabel("recall, points, 95 % interval")
    bars.set_xticks(
        [x for x in MaxNLocator(5).tick_values(lowest, highest) if lowest < x < highest]
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
    rows = -(-len(bands) // 2)
    top = 0.66 + 0.22 * rows
    figure, axes = canvas("Curves", note, 7.2, 3.0, left=0.55, top=top)
    for i, (name, band) in enumerate(bands.items()):
        epochs = np.arange(1, len(band.mean) + 1)
        colour, style = COLOURS[i % len(COLOURS)], ("-", "--", ":")[i // len(COLOURS) % 3]
        axes.fill_between(epochs, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(epochs, band.mean, style, color=colour, label=_short(name, 44))
    longest = max(len(band.mean) for band in bands.values())
    axes.set(xlabel="epoch", xlim=(0.5, longest + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.grid(axis="y")
    legend(axes, 2)
    return figure


def _range(estimate: Estimate) -> str:
    low, high = estimate.interval()
    return f"{points(low)} to {points(high)}"


def _value(metric: Metric, value: float) -> str:
    return f"{value:.1%}" if metric == "accuracy" else f"{value:.3f}"


def _signed(images: float) -> str:
    """A number of images with its sign; nothing where it rounds to zero."""
    return f"{images:+.1f}".replace("-", "−") if abs(images) >= 0.05 else "0"


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, _NAME, max_lines=2, placeholder=" …"))


def _short(name: str, width: int = _NAME) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
