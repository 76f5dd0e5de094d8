"""A few bytes for each image of a set, from which later changes to it are found."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.data.imageset import ImageSet
from ferlab.errors import DataError

RECORD = np.dtype([("name", "<u8"), ("pixels", "<u8"), ("label", "u1"), ("split", "u1")])
"""Record of one image: 64-bit digests of its name and pixels, its label and its `Split`."""

_EXAMPLES = 3


def fingerprint(images: ImageSet) -> npt.NDArray[np.void]:
    """A `RECORD` per image, in the order of the set; shape (n,)."""
    records = np.zeros(len(images), RECORD)
    digests = b"".join(_digest(name) for name in images.names.tolist())
    records["name"] = np.frombuffer(digests, "<u8")
    records["pixels"] = np.ascontiguousarray(images.hashes[:, :8]).view("<u8").reshape(-1)
    records["label"] = images.labels
    records["split"] = images.split
    return records


def from_bytes(data: bytes) -> npt.NDArray[np.void]:
    """Parse what ``fingerprint(...).tobytes()`` wrote; shape (n,).

    Raises:
        DataError: ``data`` is not a whole number of records.
    """
    if len(data) % RECORD.itemsize:
        raise DataError(f"{len(data)} bytes are no whole number of image fingerprints")
    return np.frombuffer(data, RECORD)


@dataclass(frozen=True)
class Changes:
    """How many images differ between two states of a data set, matched by name.

    Attributes:
        before: number of images before.
        pixels: number of images whose pixels differ.
        labels: number of images whose label differs.
        splits: number of images whose split differs.
        added: number of images that were not there before.
        gone: number of images that are not there any more.
        examples: names of some that differ or were added, as far as names are known.
    """

    before: int
    pixels: int
    labels: int
    splits: int
    added: int
    gone: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        counts = {
            "with other pixels": self.pixels,
            "with another label": self.labels,
            "in another split": self.splits,
            "added": self.added,
            "gone": self.gone,
        }
        shown = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        if not shown:
            return "the same images in another order, under other class names or soft labels"
        examples = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"of {self.before:,} images {shown}{examples}"


def describe_changes(
    before: npt.NDArray[np.void], now: npt.NDArray[np.void], names: Sequence[str] = ()
) -> Changes:
    """Count the images that differ between two states of a data set.

    Args:
        before: fingerprint of the earlier state, shape (n,).
        now: fingerprint of the later state, shape (m,).
        names: names of the images of ``now``, if they are known.
    """
    _, old, new = np.intersect1d(before["name"], now["name"], return_indices=True)
    differs = {field: before[field][old] != now[field][new] for field in RECORD.names or ()}
    is_added = ~np.isin(now["name"], before["name"])
    changed = new[differs["pixels"] | differs["label"] | differs["split"]]
    touched = np.sort(np.concatenate([changed, np.flatnonzero(is_added)]))
    examples = [names[i] for i in touched[:_EXAMPLES]] if len(names) == len(now) else []
    if examples and len(touched) > _EXAMPLES:
        examples.append("...")
    return Changes(
        before=len(before),
        pixels=int(differs["pixels"].sum()),
        labels=int(differs["label"].sum()),
        splits=int(differs["split"].sum()),
        added=int(is_added.sum()),
        gone=len(before) - len(old),
        examples=tuple(examples),
    )


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
