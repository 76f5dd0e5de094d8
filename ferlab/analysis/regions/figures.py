"""Pictures of what networks go by: pure functions to a `matplotlib.figure.Figure`."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.figures import COLOURS
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.seeded import REGIONS
from ferlab.analysis.regions.words import is_called
from ferlab.figure_style import DASHED, EDGE, INK, PAPER, WIDTH, canvas, legend_above, styled
from ferlab.text import shorten

_ROW, _ARM = 0.25, 0.13
"""Inches of a region, and more for each configuration in it."""

_SHARED = 0.6
"""Of a region's height, what its configurations share."""

_GAP = 0.05
"""Between the two panels, as a share of both."""

_Drawn = tuple[Estimate, bool]
"""An estimate, and whether its mark is filled."""


@styled
def uses_figure(measured: MeasuredRegions) -> Figure:
    """The share of the attribution on each region, by configuration, and what covering it costs.

    A grey stroke stands where the share would be if the attribution were spread evenly.
    """
    found = measured.comparison
    figure, left, right = _forest(
        "What the networks go by",
        f"{_images(measured)}; mean and 95 % interval for other seeds and images. Grey: the "
        "region's share of the area",
        list(found.uses),
        lambda arm, region: (
            (found.uses[arm][region].share, True),
            (found.uses[arm][region].drop, True),
        ),
    )
    for place, region in enumerate(REGIONS):
        left.vlines(100 * found.areas[region], place - 0.42, place + 0.42, color=EDGE, linewidth=3)
    left.set(xlabel="share of the attribution, %", xlim=(0, None))
    right.set_xlabel("accuracy lost if covered, points")
    return figure


@styled
def differences_figure(measured: MeasuredRegions) -> Figure:
    """By how much each configuration differs from the baseline; filled marks are called."""
    found = measured.comparison
    figure, left, right = _forest(
        f"Compared with {shorten(found.baseline, 40)}",
        f"{_images(measured)}; mean and 95 % interval for other seeds and images. Filled: called, "
        "at 5 % that all regions share",
        list(found.differences),
        lambda arm, region: (
            (found.differences[arm][region].share.estimate,
             is_called(found.differences[arm][region].share)),
            (found.differences[arm][region].drop.estimate,
             is_called(found.differences[arm][region].drop)),
        ),
    )  # fmt: skip
    left.set_xlabel("share of the attribution, points")
    left.axvline(0, **DASHED)
    right.set_xlabel("accuracy lost if covered, points")
    return figure


def _forest(
    title: str,
    note: str,
    arms: Sequence[str],
    drawn: Callable[[str, str], tuple[_Drawn, _Drawn]],
) -> tuple[Figure, Axes, Axes]:
    """A row for each region, and in it each configuration, in two panels beside each other.

    Args:
        title: of the figure.
        note: below it.
        arms: names of the configurations.
        drawn: what either panel shows of a configuration and region.
    """
    height = len(REGIONS) * (_ROW + _ARM * len(arms))
    figure, whole = canvas(title, note, WIDTH, height, left=0.65, bottom=0.5)
    whole.set_axis_off()
    share = (1 - _GAP) / 2
    panels = [whole.inset_axes((x, 0, share, 1)) for x in (0, share + _GAP)]
    step = _SHARED / len(arms)
    for i, arm in enumerate(arms):
        colour = COLOURS[i % len(COLOURS)]
        whole.plot([], [], "o", color=colour, ms=5, label=shorten(arm, 60))
        for place, region in enumerate(REGIONS):
            y = place + (i - (len(arms) - 1) / 2) * step
            for axes, (estimate, is_filled) in zip(panels, drawn(arm, region), strict=True):
                low, high = estimate.interval()
                axes.hlines(y, 100 * low, 100 * high, color=colour, linewidth=1.4, zorder=3)
                fill = colour if is_filled else PAPER
                axes.plot(100 * estimate.value, y, "o", color=colour, mfc=fill, ms=5, zorder=4)
    for axes in panels:
        axes.set(ylim=(len(REGIONS) - 0.5, -0.5), yticks=range(len(REGIONS)))
        axes.tick_params(length=0)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
    panels[0].set_yticklabels(REGIONS, color=INK)
    panels[1].set_yticklabels([])
    panels[1].axvline(0, **DASHED)
    legend_above(figure, 1)
    return figure, panels[0], panels[1]


def _images(measured: MeasuredRegions) -> str:
    return f"{measured.images:,} {measured.split} images, {measured.method_name}"
