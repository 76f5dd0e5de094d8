"""The residual network of He et al. 2016, for small images."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ferlab.models.attention import attention_at
from ferlab.models.cnn import initialise


class ResNet(nn.Module):
    """Stages of basic blocks (He et al. 2016, "Deep Residual Learning", table 1, 18 layers).

    The stem is one convolution. At 3x3 and full size it is that for CIFAR-10 in section 4.2: the
    7x7 convolution and the pooling of the original are for images of 224 pixels.

    Args:
        classes: number of outputs.
        stem: ``width``, ``kernel`` size and ``stride`` of the first convolution.
        stages: one mapping per stage: the ``width`` of its convolutions, how many ``blocks`` of
            two convolutions it has, the ``stride`` of the first.
        dropout: rate before the dense layer.
        attention: see `ferlab.models.attention.attention_at`; its ``position`` is ``residual``
            (in every block of a stage, before the addition; Hu et al. 2018, figure 3) or
            ``stage`` (once, after the last block).
    """

    def __init__(
        self,
        *,
        classes: int,
        stem: Mapping[str, int],
        stages: Sequence[Mapping[str, Any]],
        dropout: float,
        attention: Mapping[str, Any],
    ) -> None:
        super().__init__()
        channels = stem["width"]
        first = _convolution(1, channels, stem["kernel"], stem["stride"])
        self.stem = nn.Sequential(*first, nn.ReLU(inplace=True))
        self.stages = nn.Sequential()
        for number, stage in enumerate(stages, start=1):
            width, layers = stage["width"], nn.Sequential()
            for i in range(stage["blocks"]):
                residual = attention_at(attention, number, "residual", width)
                layers.append(Block(channels, width, 1 if i else stage["stride"], *residual))
                channels = width
            layers.extend(attention_at(attention, number, "stage", width))
            self.stages.add_module(str(number), layers)
        pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout)]
        self.head = nn.Sequential(*pooled, nn.Linear(channels, classes))
        initialise(self, "he")

    def forward(self, images: Tensor) -> Tensor:
        """Score normalised images: float (n, 1, 48, 48) -> logits (n, classes)."""
        logits: Tensor = self.head(self.stages(self.stem(images)))
        return logits


class Block(nn.Module):
    """Two 3x3 convolutions whose result is added to what came in.

    Args:
        channels: of the maps that come in.
        width: of both convolutions.
        stride: of the first one, and of the projection that then stands in the shortcut.
        attention: what the residual passes before the addition: one module, or none.
    """

    def __init__(self, channels: int, width: int, stride: int, *attention: nn.Module) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(channels, width, 3, stride),
            nn.ReLU(inplace=True),
            *_convolution(width, width, 3, 1),
            *attention,
        )
        projects = stride > 1 or channels != width
        self.shortcut = nn.Sequential()
        if projects:
            self.shortcut.extend([Projection(channels, width, stride), nn.BatchNorm2d(width)])

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, h, w) -> (n, width, h / stride, w / stride), rounded up."""
        return nn.functional.relu(self.residual(maps) + self.shortcut(maps))


class Projection(nn.Conv2d):
    """A 1x1 convolution without a bias."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__(channels, width, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, channels, h, w) -> (n, width, h / stride, w / stride), rounded up."""
        # From fewer channels than fill one AVX-512 register, oneDNN's backward step of such a
        # stride writes beyond its memory (torch 2.13); then the stride goes first. From more
        # channels that takes longer.
        if self.in_channels >= 16:
            return super().forward(maps)
        down, across = self.stride
        return nn.functional.conv2d(maps[:, :, ::down, ::across], self.weight)


def _convolution(channels: int, width: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width)]
