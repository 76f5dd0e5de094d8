"""Batches of tensors that are already on their device: no workers, nothing to wait for."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ferlab.errors import DataError


class Batches:
    """Images and labels, a batch at a time; every iteration starts from the first batch.

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int64, shape (n,), or float32, shape (n, classes), on the same device.
        batch_size: images per batch, at least 1.
        order: int64, shape (m,), positions to visit, in that order, on any device; None for all n
            as they stand.
        drop_single: drop a last batch of one image, over which batch normalization could not
            average; for training.

    Raises:
        DataError: the sizes do not fit together, or there would be no batch at all.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        *,
        order: Tensor | None = None,
        drop_single: bool = False,
    ) -> None:
        if len(images) != len(labels):
            raise DataError(f"{len(images)} images and {len(labels)} labels: one of each is needed")
        if batch_size < 1:
            raise DataError(f"the batch size is {batch_size}: it must be 1 or more")
        if order is None:
            order = torch.arange(len(labels))
        self._images, self._labels = images, labels
        self._order = order.to(images.device)
        self._batch_size = batch_size
        is_single = len(order) % batch_size == 1
        self._visited = len(order) - 1 if drop_single and is_single else len(order)
        if self._visited == 0:
            raise DataError(f"{len(order)} images make no batch of {batch_size}: take more images")

    def __len__(self) -> int:
        return math.ceil(self._visited / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 images, shape (b, 48, 48), and their labels, shape (b,) or (b, classes)."""
        for rows in torch.split(self._order[: self._visited], self._batch_size):
            yield self._images.index_select(0, rows), self._labels.index_select(0, rows)


def shuffled(n: int, seed: int, epoch: int) -> Tensor:
    """A permutation of 0 to n - 1 that depends on seed and epoch alone; int64, shape (n,), CPU."""
    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
    return torch.randperm(n, generator=generator)


def balanced(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """As many positions as there are labels, drawn with replacement, each class alike likely.

    Args:
        labels: int64, shape (n,), on any device.
        seed, epoch: all that the draw depends on besides.

    Returns:
        int64, shape (n,), CPU.
    """
    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
    labels = labels.cpu()
    weights = 1 / labels.bincount().double()[labels]
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of all that is random in one epoch of a run: 63 bits, both arguments at least 0.

    A resumed run needs no generator's state, only the number of the epoch it resumes at.
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
