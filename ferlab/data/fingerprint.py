"""What each image of a set was, in a few bytes: enough to say later which ones have changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.data.imageset import ImageSet
from ferlab.errors import DataError

RECORD = np.dtype([("name", "<u8"), ("pixels", "<u8"), ("label", "u1"), ("split", "u1")])
"""Of one image: 64-bit digests of its name and its pixels, its label and its `Split`."""

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
    """What ``fingerprint(...).tobytes()`` wrote.

    Raises:
        DataError: it is not a whole number of records.
    """
    if len(data) % RECORD.itemsize:
        raise DataError(f"{len(data)} bytes are no whole number of image fingerprints")
    return np.frombuffer(data, RECORD)


@dataclass(frozen=True)
class Changes:
    """How many images differ between two states of a data set, matched by name.

    Attributes:
        before: images then.
        pixels: images whose pixels differ.
        labels: images whose label differs.
        splits: images whose split differs.
        added: images that were not there.
        gone: images that are not there any more.
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
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        if not told:
            return "the same images in another order, or under other class names"
        some = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"of {self.before:,} images {told}{some}"


def describe_changes(
    before: npt.NDArray[np.void], now: npt.NDArray[np.void], names: Sequence[str] = ()
) -> Changes:
    """What became of the images.

    Args:
        before: as `fingerprint` gives it.
        now: the same of another state.
        names: of the images of ``now``, if they are known.
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
