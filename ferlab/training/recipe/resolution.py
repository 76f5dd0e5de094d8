"""Progressive resolution: early epochs train on smaller images, which cost less.

Validation and all that is recorded see images of full size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import interpolate

from ferlab.models.cnn import IMAGE_SIZE


@dataclass(frozen=True)
class Resolutions:
    """The size of training images in each epoch (after Tan & Le 2021, section 4.2).

    Attributes:
        sizes: in pixels, in the order in which they are trained.
        epochs: of the whole run, divided evenly among the sizes; no fewer than they.
    """

    sizes: tuple[int, ...]
    epochs: int

    def at(self, epoch: int) -> int:
        """The size in an epoch of the run, from 0."""
        return self.sizes[epoch * len(self.sizes) // self.epochs]

    @property
    def is_full(self) -> bool:
        """Whether no epoch is smaller."""
        return set(self.sizes) == {IMAGE_SIZE}

    def shares(self) -> Iterator[tuple[int, float]]:
        """The first epoch of each distinct size, and the share of the epochs that have it."""
        each = [self.at(epoch) for epoch in range(self.epochs)]
        for size in dict.fromkeys(each):
            yield each.index(size), each.count(size) / self.epochs


def shrunk(images: Tensor, size: int) -> Tensor:
    """Float (n, 1, h, h) -> (n, 1, size, size), by an antialiased bilinear filter."""
    if images.shape[-1] == size:
        return images
    return interpolate(images, (size, size), mode="bilinear", antialias=True)
