"""The reliability diagram: a pure function from predictions to a `matplotlib.figure.Figure`."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ferlab.analysis.calibration import BINS, Floats, reliability, tempered
from ferlab.analysis.classification import Labels
from ferlab.figure_style import BLUE, DASHED, VERMILION, canvas, legend, styled


@styled
def reliability_diagram(probabilities: Floats, labels: Labels, temperature: float) -> Figure:
    """How often a prediction is right by how sure it is, and how many are that sure.

    Args:
        probabilities: of each class, shape (n, classes), n at least 1.
        labels: true classes, shape (n,).
        temperature: that was fitted to them.
    """
    raw = reliability(probabilities, labels)
    mended = reliability(tempered(probabilities, temperature), labels)
    note = (
        f"calibration error {raw.calibration_error:.1%}; {mended.calibration_error:.1%} at the "
        f"temperature {temperature:.2f} fitted to these {len(labels):,} images"
    )
    figure, whole = canvas("Reliability", note, 5.2, 4.3, left=0.75, top=0.92)
    whole.set_axis_off()
    scores, shares = whole.inset_axes((0, 0.3, 1, 0.7)), whole.inset_axes((0, 0, 1, 0.2))
    scores.plot([0, 1], [0, 1], label="as sure as right", **DASHED)
    middles = (np.arange(BINS) + 0.5) / BINS
    for found, colour, marker, name, side in (
        (raw, BLUE, "o", "as recorded", -1),
        (mended, VERMILION, "s", "at the temperature", 1),
    ):
        held = found.counts > 0
        scores.plot(
            found.confidence[held], found.accuracy[held], marker, ls="-", lw=0.8, c=colour, ms=5,
            label=name,
        )  # fmt: skip
        share = found.counts / len(labels)
        shares.bar(middles + side * 0.2 / BINS, share, width=0.4 / BINS, color=colour)
    for axes in (scores, shares):
        axes.set_xlim(0, 1.01)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y")
    scores.set(ylim=(0, 1.03), ylabel="read rightly")
    scores.tick_params(labelbottom=False)
    shares.set(xlabel="probability of the predicted class", ylabel="images")
    legend(scores)
    return figure
