"""The convolutional block attention module: which channels matter, then where in the image."""

import torch
from torch import Tensor, nn


class CBAM(nn.Module):
    """CBAM (Woo et al. 2018, "CBAM: Convolutional Block Attention Module", eq. 1-3).

    The spatial gate is the equation's: its authors' code has a batch norm there, too.

    Args:
        channels: C, of the input and of the output.
        reduction: r; the shared bottleneck has C // r hidden units, at least one.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = channels // reduction
        if hidden < 1:
            raise ValueError(f"reduction {reduction} leaves no hidden unit of {channels} channels")
        self.shared = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Rescale channels, then pixels, by gates in (0, 1): (n, C, h, w) -> (n, C, h, w)."""
        maps = maps * self.channel_gate(maps)[:, :, None, None]
        pooled = torch.stack([maps.mean(dim=1), maps.amax(dim=1)], dim=1)  # (n, 2, h, w)
        return maps * torch.sigmoid(self.spatial(pooled))

    def channel_gate(self, maps: Tensor) -> Tensor:
        """See `ferlab.models.attention.ChannelGated`."""
        scored = self.shared(maps.mean(dim=(2, 3))) + self.shared(maps.amax(dim=(2, 3)))
        return torch.sigmoid(scored)
