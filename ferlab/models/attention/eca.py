"""Efficient channel attention: channels rescaled by their neighbours, without a bottleneck."""

import math
from typing import Literal

import torch
from torch import Tensor, nn


class EfficientChannelAttention(nn.Module):
    """ECA (Wang et al. 2020, "ECA-Net: Efficient Channel Attention", eq. 7 and 12).

    Args:
        channels: C, of the input and of the output.
        kernel: k, odd: how many channels a gate depends on; ``auto``: see `adaptive_kernel`.
    """

    def __init__(self, channels: int, kernel: int | Literal["auto"] = "auto") -> None:
        super().__init__()
        size = adaptive_kernel(channels) if kernel == "auto" else kernel
        self.mix = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Rescale each channel by a gate in (0, 1): (n, C, h, w) -> (n, C, h, w)."""
        return maps * self.channel_gate(maps)[:, :, None, None]

    def channel_gate(self, maps: Tensor) -> Tensor:
        """See `ferlab.models.attention.ChannelGated`."""
        pooled = maps.mean(dim=(2, 3))  # (n, C)
        return torch.sigmoid(self.mix(pooled[:, None]))[:, 0]


def adaptive_kernel(channels: int) -> int:
    """The odd number next to (log2 C + 1) / 2, of two the larger one, as the authors' code has it.

    That is eq. 12 with gamma = 2 and b = 1.
    """
    size = int((math.log2(channels) + 1) / 2)
    return size if size % 2 else size + 1
