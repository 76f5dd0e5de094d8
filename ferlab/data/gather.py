"""Images of a source as they are found, until they are a set."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ferlab.data.imageset import SIZE, ImageSet, Split


@dataclass
class Gathered:
    """Images in no particular order; ``pixels`` holds 48 x 48 bytes of each."""

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    split: list[Split] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, pixels: bytes, label: int, split: Split, name: str) -> None:
        """Add one image; what of its name is no Unicode is written out in it."""
        self.pixels += pixels
        self.labels.append(label)
        self.split.append(split)
        self.names.append(name.encode("utf-8", "backslashreplace").decode())

    def in_order(
        self, order: npt.NDArray[np.intp], classes: Sequence[str], notes: Sequence[str] = ()
    ) -> ImageSet:
        """The images at these positions as a set; see `ImageSet.of`."""
        images = np.frombuffer(self.pixels, np.uint8).reshape(-1, SIZE, SIZE)
        labels, split = np.array(self.labels, np.uint8), np.array(self.split, np.uint8)
        names = np.array(self.names, np.str_)
        return ImageSet.of(images[order], labels[order], split[order], names[order], classes, notes)
