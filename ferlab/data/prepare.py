"""From the data section of a config to the images of a run."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ferlab import instantiate
from ferlab.config.parts.data import Data
from ferlab.data import splits
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.soft_labels import soften
from ferlab.errors import DataError

_FEW = 25
"""Validation images below which a score is told to be coarse."""


def prepare(config: Data, allow: Collection[str] = ()) -> tuple[ImageSet, int]:
    """Read or draw the images, split them, and drop leaks.

    Args:
        config: the ``data`` section.
        allow: see `ferlab.instantiate.require_allowed`.

    Returns:
        The images, and how many training images were dropped because they are identical to a
        validation or test image.

    Raises:
        DataError: the data cannot be read, or leaves nothing to train or to validate on.
    """
    images = read_images(config, allow)
    keep_leaks = config.drop_leaks is False or (
        config.drop_leaks is None and config.split == "seed"
    )
    images, dropped = (images, 0) if keep_leaks else splits.drop_leaks(images)
    for split in (Split.TRAIN, Split.VAL):
        if len(images.indices(split)) < 2:
            text = f"the data leaves no images for {split.name.lower()} under this split"
            if split is Split.VAL and config.split != "holdout":
                text += "; data.split=holdout takes some from training"
            raise DataError("; ".join([text, *images.notes]))
    if config.soft_labels is not None:
        images = soften(images, Path(config.soft_labels), config.soft_share)
    count = len(images.indices(Split.VAL))
    if count < _FEW:
        note = f"{count} validation images: an accuracy moves by {100 / count:.0f} points with one"
        images = replace(images, notes=(*images.notes, note))
    return images, dropped


def read_images(config: Data, allow: Collection[str] = ()) -> ImageSet:
    """Read or draw the images and split them; leaks stay, for an audit to find.

    Args and errors are those of `prepare`.
    """
    images = instantiate.call(config.source(), allow)
    if not isinstance(images, ImageSet):
        raise DataError(f"'{config.target}' returned {type(images).__name__}, not an ImageSet")
    return splits.assign(images, config.split, config.folds, config.fold)
