"""Which images train, select and test: four protocols, and the removal of leaks."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import ConfigError, DataError
from ferlab.text import join_words

SPLITS = ("official", "seed", "kfold", "holdout")
"""The protocols that `assign` knows."""


def assign(images: ImageSet, split: str, folds: int = 5, fold: int = 0) -> ImageSet:
    """Assign a source's images to splits by a named protocol.

    - ``official``: as the source gives it.
    - ``seed``: as in "CNN Combined with Attention Module for Facial Expression Recognition". Per
      class, with files sorted by name, the last 80 % of ``train/`` train and the first 20 % of
      ``test/`` select. The remaining PrivateTest files test; all other images are unused.
    - ``kfold``: the source's training and validation images are dealt into stratified folds, of
      which one selects and the others train; test images stay. The folds depend on pixels and
      labels alone, and identical images share a fold.
    - ``holdout``: as the source gives it, and what it lacks of validation and test images is held
      out of the training images: one of the stratified folds each, the first of them ``fold``.

    Args:
        images: a set under its official split.
        split: one of `SPLITS`.
        folds: number of folds that are dealt, at least 2.
        fold: the fold that selects, counted from 0.

    Raises:
        ConfigError: there is no such protocol or fold.
        DataError: the images do not allow the protocol.
    """
    if split == "official":
        return images
    if split == "seed":
        return images.with_split(_seed(images))
    if split == "kfold":
        return images.with_split(_kfold(images, folds, fold))
    if split == "holdout":
        return _holdout(images, folds, fold)
    raise ConfigError(f"unknown data.split={split}; expected one of {', '.join(SPLITS)}")


def drop_leaks(images: ImageSet) -> tuple[ImageSet, int]:
    """Remove training images that are pixel-identical to a validation or test image.

    Returns:
        The set with these images `Split.UNUSED`, and their number.
    """
    group, _ = identical(images.hashes)
    held_out = np.isin(images.split, (Split.VAL, Split.TEST))
    leaks = (images.split == Split.TRAIN) & np.isin(group, group[held_out])
    split = np.where(leaks, np.uint8(Split.UNUSED), images.split)
    return images.with_split(split), int(leaks.sum())


def shared(images: ImageSet, split: Split, others: Collection[Split]) -> npt.NDArray[np.bool_]:
    """Of each image of a split, whether one of the others has the same pixels; (n_split,)."""
    group, _ = identical(images.hashes)
    elsewhere = group[np.isin(images.split, list(others))]
    return np.isin(group[images.indices(split)], elsewhere)


def identical(
    hashes: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Group images by equal hashes.

    Args:
        hashes: shape (n, 16).

    Returns:
        Each image's group, shape (n,), and each group's size, shape (groups,). Groups are counted
        in the order of their hashes, whatever the order of the images.
    """
    _, group, size = np.unique(hashes, axis=0, return_inverse=True, return_counts=True)
    return group.reshape(-1), size


def _seed(images: ImageSet) -> npt.NDArray[np.uint8]:
    tree = np.char.partition(images.names, "/")[:, 0]
    if not np.isin(tree, ("train", "test")).all():
        raise DataError(
            "data.split=seed is defined by the file names of Kaggle's msambare/fer2013, which this "
            "data has not (a CSV has none); set data.path to that archive, or another data.split"
        )
    split = np.where((tree == "test") & (images.split == Split.TEST), Split.TEST, Split.UNUSED)
    for label in range(len(images.classes)):
        train, test = (
            _by_name(images, (tree == folder) & (images.labels == label))
            for folder in ("train", "test")
        )
        split[train[int(0.2 * len(train)) :]] = Split.TRAIN
        split[test[: int(0.2 * len(test))]] = Split.VAL
    return split.astype(np.uint8)


def _by_name(images: ImageSet, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Positions of the chosen images, sorted by name."""
    positions = np.flatnonzero(chosen)
    return positions[np.argsort(images.names[positions])]


def _kfold(images: ImageSet, folds: int, fold: int) -> npt.NDArray[np.uint8]:
    pool = np.flatnonzero(np.isin(images.split, (Split.TRAIN, Split.VAL)))
    dealt = _deal(images, pool, folds, fold)
    split = images.split.copy()
    split[pool] = np.where(dealt == fold, Split.VAL, Split.TRAIN)
    return split


def _holdout(images: ImageSet, folds: int, fold: int) -> ImageSet:
    missing = [s for s in (Split.VAL, Split.TEST) if not len(images.indices(s))]
    if not missing:
        return images
    if folds <= len(missing):
        raise ConfigError(f"data.folds={folds} leaves nothing to train on; take {len(missing) + 1}")
    # What equals a test image stays in training, where it is found as a leak.
    group, _ = identical(images.hashes)
    given = np.isin(images.split, (Split.VAL, Split.TEST))
    is_free = (images.split == Split.TRAIN) & ~np.isin(group, group[given])
    pool = np.flatnonzero(is_free)
    dealt = _deal(images, pool, folds, fold)
    split = images.split.copy()
    for place, part in enumerate(missing):
        split[pool[dealt == (fold + place) % folds]] = part
    held_out = join_words(f"{(split == s).sum():,} images for {s.name.lower()}" for s in missing)
    note = f"held out of training: {held_out} (data.split=holdout, fold {fold} of {folds})"
    return replace(images, split=split, notes=(*images.notes, note))


def _deal(
    images: ImageSet, pool: npt.NDArray[np.intp], folds: int, fold: int
) -> npt.NDArray[np.intp]:
    """The fold of each image of a pool, stratified; identical images share one; shape (pool,)."""
    if folds < 2 or not 0 <= fold < folds:
        raise ConfigError(
            f"fold {fold} of {folds} folds: there must be at least 2 folds, counted from 0"
        )
    group, size = identical(images.hashes[pool])
    # A group with conflicting labels counts for the lowest of them.
    label = np.full(len(size), len(images.classes))
    np.minimum.at(label, group, images.labels[pool])
    counts = np.bincount(label, minlength=len(images.classes))
    if counts.min() < folds:
        raise DataError(
            f"{folds} folds need as many different images of each class outside the test split; "
            f"{images.classes[counts.argmin()]} has {counts.min()}: lower data.folds, or leave "
            "the class out"
        )
    # Dealt in turn, class by class and the largest groups first, folds differ by few images.
    # Within a class and size the order is that of the hashes, which is as good as random.
    dealt = np.lexsort((-size, label))
    fold_of_group = np.empty(len(size), np.intp)
    fold_of_group[dealt] = np.arange(len(size)) % folds
    return fold_of_group[group]
