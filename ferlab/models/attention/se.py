"""Squeeze-and-Excitation: channels rescaled by what all of them hold on average."""

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Squeeze-and-Excitation (Hu et al. 2018, "Squeeze-and-Excitation Networks", eq. 2-4).

    Args:
        channels: C, of the input and of the output.
        reduction: r; the bottleneck has C // r hidden units, at least one.
        bias: whether the two fully connected layers have biases.
        final_relu: whether the rescaled maps pass one more ReLU.
    """

    def __init__(
        self, channels: int, reduction: int, *, bias: bool = True, final_relu: bool = False
    ) -> None:
        super().__init__()
        hidden = channels // reduction
        if hidden < 1:
            raise ValueError(f"reduction {reduction} leaves no hidden unit of {channels} channels")
        self.squeeze = nn.Linear(channels, hidden, bias=bias)
        self.excite = nn.Linear(hidden, channels, bias=bias)
        self.final_relu = final_relu

    def forward(self, maps: Tensor) -> Tensor:
        """Rescale each channel by a gate in (0, 1): (n, C, h, w) -> (n, C, h, w)."""
        scaled = maps * self.channel_gate(maps)[:, :, None, None]
        return torch.relu(scaled) if self.final_relu else scaled

    def channel_gate(self, maps: Tensor) -> Tensor:
        """See `ferlab.models.attention.ChannelGated`."""
        pooled = maps.mean(dim=(2, 3))  # (n, C)
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))
