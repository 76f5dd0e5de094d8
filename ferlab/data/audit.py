"""Faults of a data set: leaks between splits, conflicting labels, blank images."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferlab.data.imageset import ImageSet, Split
from ferlab.data.splits import drop_leaks, identical
from ferlab.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

Group = tuple[int, ...]
"""Positions of identical images in their set, ascending."""

_PICTURES = 10
"""Largest number of examples of each finding in the figure."""


@dataclass(frozen=True)
class Audit:
    """Findings in the images that a set uses, which are those not `Split.UNUSED`.

    Attributes:
        counts: number of images of each class in each split, unused ones included.
        identical: groups of two or more images that are the same in every pixel.
        spanning: the groups of `identical` with images in more than one split.
        conflicting: the groups of `identical` with more than one label.
        leaked: number of validation and of test images that are identical to a training image.
        dropped: number of training images that `ferlab.data.splits.drop_leaks` removes.
        blank: positions of the images of one constant grey level, in each split in use.
    """

    counts: Mapping[Split, Mapping[str, int]]
    identical: tuple[Group, ...]
    spanning: tuple[Group, ...]
    conflicting: tuple[Group, ...]
    leaked: Mapping[Split, int]
    dropped: int
    blank: Mapping[Split, Group]

    @property
    def has_examples(self) -> bool:
        """Whether there is anything that `save_examples` would draw."""
        return bool(self.spanning or self.conflicting or any(self.blank.values()))

    def text(self) -> str:
        """The findings as a table, to be read in a terminal of 100 columns."""
        sizes = {split: sum(counts.values()) for split, counts in self.counts.items()}
        used = {split: n for split, n in sizes.items() if n}
        rows = [["split", *next(iter(self.counts.values())), "all"]]
        rows += [
            [split.name.lower(), *(f"{n:,}" for n in self.counts[split].values()), f"{size:,}"]
            for split, size in used.items()
        ]
        images = sum(map(len, self.identical))
        findings = [
            ("identical images", len(self.identical), f"groups, {images:,} images in them"),
            ("  across splits", len(self.spanning), "groups"),
            ("  with conflicting labels", len(self.conflicting), "groups"),
        ]
        for split, n in self.leaked.items():
            share = f"images, {n / sizes[split]:.1%} of the split" if n else "images"
            findings.append((f"{split.name.lower()} images also in train", n, share))
        findings.append(("train images to drop for that", self.dropped, "images"))
        findings += [
            (f"blank images in {split.name.lower()}", len(blank), "images")
            for split, blank in self.blank.items()
        ]
        return "\n".join(
            [*_table(rows), "", *(f"{what:<29}{n:>7,} {unit}" for what, n, unit in findings)]
        )


def audit(images: ImageSet) -> Audit:
    """Look for leaks, conflicting labels and blank images under the set's current split."""
    used = np.flatnonzero(images.split != Split.UNUSED)
    group, size = identical(images.hashes[used])
    # One sort puts the members of each group side by side; single images are left out.
    repeated = np.flatnonzero(size[group] > 1)
    members = used[repeated[np.argsort(group[repeated], kind="stable")]]
    ends = np.cumsum(size[size > 1])
    groups = sorted(tuple(part.tolist()) for part in np.split(members, ends[:-1]) if len(part))

    in_train = np.isin(group, group[images.split[used] == Split.TRAIN])
    pixels = images.images.reshape(len(images), -1)
    constant = pixels.min(axis=1) == pixels.max(axis=1)
    held_out = (Split.VAL, Split.TEST)
    return Audit(
        counts={split: images.counts(split) for split in Split},
        identical=tuple(groups),
        spanning=tuple(g for g in groups if len(set(images.split[list(g)])) > 1),
        conflicting=tuple(g for g in groups if len(set(images.labels[list(g)])) > 1),
        leaked={s: int(np.sum(in_train & (images.split[used] == s))) for s in held_out},
        dropped=drop_leaks(images)[1],
        blank={
            split: tuple(np.flatnonzero(constant & (images.split == split)).tolist())
            for split in (Split.TRAIN, *held_out)
        },
    )


def save_examples(images: ImageSet, audit: Audit, path: Path) -> None:
    """Draw examples of the findings, as a PNG figure.

    Each picture stands for all images that are identical to it and is captioned with the split and
    label of each.

    Args:
        images: the set that was audited.
        audit: its findings.
        path: where the figure goes; the folder must exist.

    Raises:
        DataError: the figure cannot be written.
    """
    # Most users of this module want no figure, and matplotlib takes half a second to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    blank = [(position,) for positions in audit.blank.values() for position in positions]
    sections = {
        f"Identical images across splits: {len(audit.spanning):,} groups": audit.spanning,
        f"Identical images with conflicting labels: {len(audit.conflicting):,} groups": (
            audit.conflicting
        ),
        f"Blank images: {len(blank):,}": blank,
    }
    figure = Figure(figsize=(12, 6.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(sections), 1)
    for place, (title, groups) in enumerate(sections.items()):
        row = figure.add_subfigure(grid[place])
        row.suptitle(title, x=0.01, ha="left", fontsize=12)
        _draw_row(row, images, groups)
    try:
        figure.savefig(path, format="png", dpi=100)
    except OSError as error:
        raise DataError(f"cannot write the figure {path}: {error.strerror or error}") from error


def _draw_row(row: "SubFigure", images: ImageSet, groups: Sequence[Group]) -> None:
    """Draw up to `_PICTURES` examples, spread over all groups: neighbours often share a class."""
    chosen = np.linspace(0, len(groups) - 1, min(_PICTURES, len(groups))).astype(int)
    for place, axes in enumerate(row.subplots(1, _PICTURES)):
        axes.set_axis_off()
        if place < len(chosen):
            group = groups[chosen[place]]
            axes.imshow(images.images[group[0]], cmap="gray", vmin=0, vmax=255)
            axes.set_title("\n".join(_caption(images, group)), fontsize=9)


def _caption(images: ImageSet, group: Group) -> Iterator[str]:
    """One line for each split and label in the group, with the number of images if several."""
    places = Counter((int(images.split[i]), int(images.labels[i])) for i in group)
    for (split, label), n in sorted(places.items()):
        times = f" ×{n}" if n > 1 else ""
        yield f"{Split(split).name.lower()} {images.classes[label]}{times}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns of equal width: the first flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join([f"{first:<{widths[0]}}", *cells])
