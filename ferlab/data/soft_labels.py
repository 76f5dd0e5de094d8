"""Soft labels: a probability of each class for each training image, from a file.

They may be what a better network says of the images, or an ensemble (Hinton et al. 2015,
"Distilling the Knowledge in a Neural Network"), or what people said of them.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ferlab.data.files.columns import read_columns
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError

_ROUNDING = 0.01
"""By how much the probabilities of an image may miss 1 in all, as they may be written rounded."""


def soften(images: ImageSet, path: Path, share: float) -> ImageSet:
    """The same images, of which soft labels are trained on.

    Args:
        images: as they are split, and no others: each training image needs its row.
        path: a CSV with columns ``name`` and ``p_CLASS``, one for each class; other columns and
            rows do not matter.
        share: of these probabilities in what is trained on; the rest is what it was before.

    Raises:
        DataError: the file cannot be read, is about other images or classes, or has what are no
            probabilities.
    """
    rows = read_columns(path, ["name", *(f"p_{name}" for name in images.classes)])
    at = {row[0]: place for place, row in enumerate(rows)}
    train = images.indices(Split.TRAIN)
    names = images.names[train].tolist()
    given = Counter(row[0] for row in rows)
    if twice := [name for name in names if given[name] > 1]:
        raise DataError(f"{path} has several rows for {len(twice):,} images ({twice[0]})")
    if missing := [name for name in names if name not in at]:
        raise DataError(
            f"{path} has no row for {len(missing):,} of {len(names):,} training images "
            f"({missing[0]}); it must be of the same data under the same split"
        )
    soft = _probabilities(path, [rows[at[name]] for name in names])
    if images.targets is None:
        targets = np.eye(len(images.classes), dtype=np.float32)[images.labels]
    else:
        targets = np.array(images.targets)
    targets[train] = (1 - share) * targets[train] + share * soft
    agreed = float((soft.argmax(axis=1) == images.labels[train]).mean())
    note = f"trained on soft labels ({share:g}), which say the label of {agreed:.1%} of the images"
    return replace(images, targets=targets, notes=(*images.notes, note))


def _probabilities(path: Path, rows: list[list[str]]) -> npt.NDArray[np.float32]:
    """Those of each row behind its name, 1 in all; float32 (n, classes)."""
    try:
        given = np.array([row[1:] for row in rows], np.float64)
    except ValueError as error:
        raise DataError(f"{path}: a probability must be a number ({error})") from error
    is_wrong = ~((given >= 0).all(axis=1) & (abs(given.sum(axis=1) - 1) <= _ROUNDING))
    if is_wrong.any():
        name = rows[int(is_wrong.argmax())][0]
        raise DataError(
            f"{path}: the probabilities of {name} must be 0 or more and 1 in all; of "
            f"{int(is_wrong.sum()):,} images they are not"
        )
    return np.asarray(given / given.sum(axis=1, keepdims=True), np.float32)
