"""The one form of every data set: images in memory, with label, split, name and hash each."""

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ferlab.errors import DataError

SIZE = 48
"""Height and width of every image, in pixels."""

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The seven classes of FER2013, in the order of its folders. A class's label is its index here."""


class Split(IntEnum):
    """The use of an image."""

    TRAIN = 0
    VAL = 1
    TEST = 2
    UNUSED = 3


@dataclass(frozen=True)
class ImageSet:
    """Images of one data set; the arrays may be memory-mapped and are never written to.

    Build one with `ImageSet.of`.

    Attributes:
        images: uint8, shape (n, 48, 48), grey levels 0-255.
        labels: uint8, shape (n,), index into ``classes``.
        split: uint8, shape (n,), a `Split` each.
        names: str, shape (n,), unique within the set.
        hashes: uint8, shape (n, 16), BLAKE2b of each image's pixels.
        classes: the classes' names, in the order of the labels.
        notes: what there is to tell of the source, a line each; no part of the digest.
        targets: float32, shape (n, classes), the probability of each class to be trained on; None
            where that is the label's.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    names: npt.NDArray[np.str_]
    hashes: npt.NDArray[np.uint8]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    targets: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[Any],
        split: npt.NDArray[Any],
        names: Sequence[str] | npt.NDArray[np.str_],
        classes: Sequence[str] = EXPRESSIONS,
        notes: Sequence[str] = (),
    ) -> "ImageSet":
        """Check the parts and put them together, in the given order.

        Args:
            images: uint8, shape (n, 48, 48), grey levels 0-255.
            labels: shape (n,), index into ``classes``.
            split: shape (n,), a `Split` each or its number: 0 trains, 1 validates, 2 tests, 3 is
                unused.
            names: shape (n,), unique within the set.
            classes: names of the classes, in the order of the labels; letters, digits, spaces and
                ``_ - . :``, as in the names of metrics.
            notes: what there is to tell of the source, a line each.

        Raises:
            DataError: a shape, type or range is wrong, a name or a class occurs twice, or a class
                has a name that no metric can have.
        """
        n = len(images)
        if images.dtype != np.uint8 or images.shape != (n, SIZE, SIZE):
            raise DataError(
                f"images must be uint8 of shape (n, {SIZE}, {SIZE}), "
                f"not {images.dtype} of shape {images.shape}"
            )
        if not n == len(labels) == len(split) == len(names):
            raise DataError(
                f"{n} images, {len(labels)} labels, {len(split)} splits and {len(names)} names: "
                "there must be one of each per image"
            )
        if n and not 0 <= int(np.min(labels)) <= int(np.max(labels)) < len(classes):
            raise DataError(f"labels must lie in 0-{len(classes) - 1}, one per class")
        numbers = tuple(Split)
        for value in np.asarray(split).tolist():
            if value not in numbers:
                *known, last = (f"{s} ({s.name.lower()})" for s in Split)
                raise DataError(
                    f"each image's split must be {', '.join(known)} or {last}, not {value!r}"
                )
        if len(set(names)) != n:
            raise DataError("every image needs a name of its own")
        for name in classes:
            if not _is_class_name(name):
                raise DataError(
                    f"the class name {name!r} cannot be part of a metric's name; take up to "
                    "200 letters, digits, spaces and _ - . : (and / in between)"
                )
        if len(set(classes)) != len(classes):
            raise DataError(f"a class stands twice among {', '.join(classes)}")
        return cls(
            images,
            np.asarray(labels, np.uint8),
            np.asarray(split, np.uint8),
            np.asarray(names, np.str_),
            hash_images(images),
            tuple(classes),
            tuple(notes),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def with_split(self, split: npt.NDArray[np.uint8]) -> "ImageSet":
        """The same images under another assignment to splits; shape (n,)."""
        return replace(self, split=np.asarray(split, np.uint8))

    def indices(self, split: Split) -> npt.NDArray[np.intp]:
        """Positions of a split's images, ascending; shape (n_split,)."""
        return np.flatnonzero(self.split == split)

    def counts(self, split: Split) -> dict[str, int]:
        """Number of images of each class in a split, by class name."""
        per_class = np.bincount(self.labels[self.split == split], minlength=len(self.classes))
        return dict(zip(self.classes, per_class.tolist(), strict=True))

    def split_digest(self, split: Split) -> str:
        """32 hex digits over a split's pixels and labels, whatever their order and names."""
        at = self.indices(split)
        labels = self.labels[at][:, None]
        each = sorted(row.tobytes() for row in np.hstack([self.hashes[at], labels]))
        return hashlib.blake2b(b"".join(each), digest_size=16).hexdigest()

    @cached_property
    def digest(self) -> str:
        """32 hex digits over pixels, labels, splits, names, classes and targets, in order."""
        h = hashlib.blake2b(digest_size=16)
        soft = [] if self.targets is None else [self.targets]
        for part in (self.hashes, self.labels, self.split, *soft):
            h.update(np.ascontiguousarray(part).tobytes())
        h.update("\0".join((*self.classes, *self.names.tolist())).encode())
        return h.hexdigest()


def hash_images(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """BLAKE2b of each image's pixels: (n, 48, 48) -> (n, 16), equal where the images are."""
    digests = b"".join(
        hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images
    )
    return np.frombuffer(digests, np.uint8).reshape(len(images), 16)


def _is_class_name(name: object) -> bool:
    """Whether MLflow accepts the name in a metric's, which must be a normalised path."""
    path = f"val/f1/{name}"
    is_plain = isinstance(name, str) and re.fullmatch(r"[\w.\- :/]{1,200}", name) is not None
    return is_plain and posixpath.normpath(path) == path
