"""Pictures of a run: pure functions from arrays to a `matplotlib.figure.Figure`, without pyplot.

They use few artists and fixed positions: all of them together are drawn and saved in a fraction of
a second.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ferlab.analysis.classification import ClassScores, Labels
from ferlab.analysis.history import History
from ferlab.data.imageset import SIZE
from ferlab.errors import DataError
from ferlab.figure_style import (
    BLUE,
    BLUES,
    DASHED,
    FAINT,
    INK,
    RULE,
    VERMILION,
    canvas,
    legend,
    styled,
)

Floats = npt.NDArray[np.floating[Any]]


@styled
def confusion(labels: Labels, predicted: Labels, classes: Sequence[str]) -> Figure:
    """Confusion matrix: a row per true class, in percent of it, with counts and recall.

    Args:
        labels: true classes, shape (n,).
        predicted: predicted classes, shape (n,).
        classes: k names, in the order of the labels.

    Raises:
        DataError: the arrays are empty or do not fit each other or the classes.
    """
    scores = ClassScores(labels, predicted, classes)
    k = len(classes)
    share = scores.counts / np.maximum(scores.support, 1)[:, None]
    figure, whole = canvas("Confusion", scores.summary, 2.9 + 0.72 * k, 0.52 * k, left=0.95)
    whole.set_axis_off()
    cells, bars = whole.inset_axes((0, 0, 0.8, 1)), whole.inset_axes((0.82, 0, 0.18, 1))
    cells.imshow(share, cmap=BLUES, vmin=0, vmax=1, aspect="auto")
    for true, guess in np.argwhere(scores.counts):
        text = f"{share[true, guess]:.0%}\n{scores.counts[true, guess]:,}"
        weight = "bold" if true == guess else "normal"
        colour = "white" if share[true, guess] > 0.5 else INK
        cells.text(guess, true, text, ha="center", va="center", size=8, weight=weight, color=colour)
    cells.set_xticks(range(k), classes)
    cells.set_yticks(range(k), classes)
    cells.set(xlabel="predicted", ylabel="true")
    bars.barh(range(k), 1, height=0.5, color=RULE)
    bars.barh(range(k), scores.recall, height=0.5, color=BLUE)
    for true, support in enumerate(scores.support):
        bars.text(1.9, true, f"{support:,}", ha="right", va="center", color=FAINT)
    bars.set(xlim=(0, 2), ylim=cells.get_ylim(), yticks=[])
    bars.set_xticks([0.5, 1.6], ["recall", "images"])
    for axes in (cells, bars):
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
    return figure


@styled
def per_class(labels: Labels, predicted: Labels, classes: Sequence[str]) -> Figure:
    """Precision, recall, F1 and support of each class; arguments and errors as in `confusion`."""
    scores = ClassScores(labels, predicted, classes)
    k = len(classes)
    note = scores.summary.replace("macro F1", "macro F1 (dashed)")
    figure, axes = canvas("Per class", note, 7.2, 0.4 * k, left=0.85, right=1.35, top=0.92)
    axes.hlines(range(k), scores.precision, scores.recall, color=RULE, linewidth=5)
    axes.axvline(scores.macro_f1, **DASHED)
    for name, values, marker, colour in (
        ("precision", scores.precision, "o", BLUE),
        ("recall", scores.recall, "s", VERMILION),
        ("F1", scores.f1, "D", INK),
    ):
        axes.scatter(values, range(k), s=34, marker=marker, color=colour, label=name, zorder=3)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
    axes.text(1.10, -0.75, "F1", **beside)
    axes.text(1.24, -0.75, "images", **beside)
    for row, (f1, support) in enumerate(zip(scores.f1, scores.support, strict=True)):
        axes.text(1.10, row, f"{f1:.2f}", va="center", weight="bold", **beside)
        axes.text(1.24, row, f"{support:,}", va="center", color=FAINT, **beside)
    axes.set(xlim=(0, 1), ylim=(k - 0.5, -0.5))
    axes.set_yticks(range(k), classes, color=INK)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    legend(axes)
    return figure


@styled
def learning_curves(history: History, monitor: str) -> Figure:
    """Losses and scores by epoch, counted from 1, with the best epoch marked.

    Args:
        history: for each epoch ``train/loss``, ``train/accuracy``, ``val/loss``,
            ``val/accuracy``, ``val/f1`` and any others; not finite where training diverged.
        monitor: the metric that decides the best epoch; a loss is best at its smallest.

    Raises:
        DataError: there is no epoch, or one lacks a metric.
    """
    epochs = history.epochs
    panels = (
        {"train/loss": FAINT, "val/loss": BLUE},
        {"train/accuracy": FAINT, "val/accuracy": BLUE, "val/f1": VERMILION},
    )
    needed = {monitor}.union(*panels)
    if missing := needed - set(epochs[0] if epochs else ()).intersection(*epochs):
        raise DataError(f"learning curves need, in every epoch: {', '.join(sorted(missing))}")
    values = {name: np.array([epoch[name] for epoch in epochs], float) for name in needed}
    for curve in values.values():
        curve[~np.isfinite(curve)] = np.nan
    best, note = None, f"{monitor} has no finite value"
    if not np.isnan(values[monitor]).all():
        best = history.best_epoch(monitor) - 1
        note = f"best {monitor} {values[monitor][best]:.4f} at epoch {best + 1} (dashed)"
    numbers = range(1, len(epochs) + 1)
    figure, whole = canvas("Learning curves", note, 9, 2.9, left=0.45, top=0.92)
    whole.set_axis_off()
    for panel, x in zip(panels, (0, 0.54), strict=True):
        axes = whole.inset_axes((x, 0, 0.46, 1))
        for name, colour in panel.items():
            axes.plot(numbers, values[name], ".-", color=colour, label=name, ms=3.5)
        if best is not None:
            axes.axvline(numbers[best], **DASHED)
            if monitor in panel:
                axes.plot(
                    numbers[best], values[monitor][best], "o", c=panel[monitor], mfc="white", ms=7
                )
        axes.set(xlabel="epoch", xlim=(0.5, len(epochs) + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        axes.grid(axis="y")
        legend(axes)
    return figure


@styled
def surest_mistakes(
    images: npt.NDArray[np.uint8],
    labels: Labels,
    probabilities: Floats,
    names: Sequence[str],
    classes: Sequence[str],
    count: int = 20,
) -> Figure:
    """The wrong predictions that were given the highest probability, the surest first.

    Args:
        images: uint8, shape (n, 48, 48).
        labels: true classes, shape (n,).
        probabilities: probability of each class, shape (n, k).
        names: the images' names, n of them; shown without their folders.
        classes: k names, in the order of the labels.
        count: largest number of images to show.

    Raises:
        DataError: the arrays are empty or do not fit each other or the classes.
    """
    n = len(labels)
    if not n == len(images) == len(probabilities) == len(names):
        raise DataError(
            f"{len(images)} images, {n} labels, {len(probabilities)} rows of probabilities and "
            f"{len(names)} names: there must be one of each per image"
        )
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    ClassScores(labels, predicted, classes)  # checks them
    wrong = np.flatnonzero(predicted != labels)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    if not len(shown):
        note = f"none: all of {n:,} images are read correctly"
        figure, axes = canvas("Surest mistakes", note, 7.9, 0, left=0.18, bottom=0.1)
        axes.set_axis_off()
        return figure

    columns, gap, caption = 5, 5, 24  # pixels of the images
    width = columns * (SIZE + gap) - gap
    height = -(-len(shown) // columns) * (SIZE + caption)
    mosaic = np.full((height, width), 255, np.uint8)
    note = f"{len(shown)} of {len(wrong):,} among {n:,} images; true → predicted, its probability"
    inch = 1.44 / SIZE  # per pixel of an image: three dots at 100 dots an inch
    figure, axes = canvas(
        "Surest mistakes", note, width * inch + 0.38, height * inch, left=0.18, bottom=0.05
    )
    axes.set_axis_off()
    for place, i in enumerate(shown):
        y, x = place // columns * (SIZE + caption), place % columns * (SIZE + gap)
        mosaic[y : y + SIZE, x : x + SIZE] = images[i]
        mistake = f"{classes[labels[i]]} → {classes[predicted[i]]}"
        detail = f"{confidence[i]:.1%}\n{names[i].rsplit('/', 1)[-1][-24:]}"
        axes.text(x, y + SIZE + 1.5, mistake, va="top", size=9)
        axes.text(x, y + SIZE + 8, detail, va="top", size=7, color=FAINT)
    extent = (0, width, height, 0)
    axes.imshow(mosaic, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
    return figure


def per_class_report(labels: Labels, predicted: Labels, classes: Sequence[str]) -> str:
    """A CSV table of precision, recall, F1 and support by class.

    Its last rows are the macro average, over the classes that occur or are predicted, and the
    accuracy, which precision, recall and F1 all come to when counted over images. What is divided
    by zero counts as zero. Arguments and errors as in `confusion`.
    """
    scores = ClassScores(labels, predicted, classes)
    columns = np.stack([scores.precision, scores.recall, scores.f1])  # (3, k)
    rows = [*columns.T, columns[:, scores.present].mean(axis=1), [scores.accuracy] * 3]
    support = [*scores.support, len(labels), len(labels)]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("class", "precision", "recall", "f1", "support"))
    for name, row, images in zip((*classes, "macro", "accuracy"), rows, support, strict=True):
        table.writerow((name, *(f"{value:.4f}" for value in row), images))
    return text.getvalue()
