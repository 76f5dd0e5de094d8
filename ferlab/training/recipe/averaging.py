"""The exponential moving average of a network's weights."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage(nn.Module):
    """A copy of a network, whose weights are the average of the network's over its past steps.

    After step t, from 0, the average keeps min(decay, (1 + t) / (10 + t)) of itself, so that it
    soon forgets the weights that were drawn. What batch norm has measured is averaged likewise.

    Args:
        network: what is averaged; as it is now, the average begins.
        decay: share of itself that the average keeps in a step, in (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the network's weights.

        Args:
            network: the one that was given, after an optimizer step.
            step: number of optimizer steps before that one.
        """
        mine, new = list(_tensors(self.network)), list(_tensors(network))
        floats = [i for i, one in enumerate(mine) if one.is_floating_point()]
        decay = min(self.decay, (1 + step) / (10 + step))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average([mine[i] for i in floats], [new[i] for i in floats], step)
        for i in set(range(len(mine))).difference(floats):  # counts of batches
            mine[i].copy_(new[i])


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()
