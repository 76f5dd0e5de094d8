"""Channel gates as heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ferlab.figure_style import BLUE, BLUES, INK, VERMILION, canvas, styled
from ferlab.use.explain.gates import Gates

_BOTH_WAYS = LinearSegmentedColormap.from_list("both ways", [VERMILION, "#FFFFFF", BLUE])


@styled
def gates_figure(gates: Gates, classes: Sequence[str]) -> Figure:
    """The mean gates of each expression, and how they differ from those of all.

    Channels stand in the order of their share of variance between expressions, the largest first.
    """
    k, order = len(classes), np.argsort(-gates.shares, kind="stable")
    means = gates.means[:, order]
    differences = means - np.nanmean(means, axis=0)
    most = float(np.nanmax(np.abs(differences))) or 1.0
    note = f"{gates.images:,} validation images by true expression; {gates.told}"
    figure, whole = canvas(
        f"Channel gates, {gates.place}", note, 9, 0.46 * k + 0.75, left=0.85, right=0.7, top=0.95
    )
    whole.set_axis_off()
    height = 0.23 * k / (0.46 * k + 0.75)
    panels = (
        ("mean gate", means, BLUES, (0.0, 1.0), 1 - height),
        ("difference from the mean of all expressions", differences, _BOTH_WAYS, (-most, most), 0),
    )
    for title, values, colours, (low, high), bottom in panels:
        axes = whole.inset_axes((0, bottom, 1, height))
        drawn = axes.imshow(
            values, colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest"
        )
        axes.set_title(title, loc="left", size=9, color=INK)
        axes.set_yticks(range(k), classes, color=INK)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(drawn, cax=whole.inset_axes((1.015, bottom, 0.015, height)))
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8)
    axes.set_xlabel(f"{means.shape[1]} channels, those that differ most between expressions first")
    return figure
