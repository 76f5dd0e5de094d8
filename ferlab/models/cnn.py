"""The network of every preset: stages of convolutions, optional attention, a dense head."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ferlab.models.attention import attention_at

IMAGE_SIZE = 48


class ExpressionCNN(nn.Module):
    """A plain convolutional classifier whose every part is an argument.

    The arguments are the keys of ``conf/model/*.yaml``; `ferlab.config.networks` documents and
    checks them. All convolutions and dense layers keep "same" padding.

    Args:
        classes: number of outputs.
        stages: one mapping per stage: ``widths`` and ``kernels`` of its convolutions, ``stride``
            of the first, max-``pool`` factor (1 for none), ``dropout`` rate.
        order: ``conv-norm-relu`` or ``conv-relu-norm``.
        norm: ``each`` (``conv``, or once per ``stage`` at its last convolution), ``momentum`` and
            ``epsilon`` of batch normalization, as torch means them.
        attention: see `ferlab.models.attention.attention_at`; its ``position`` is after ``conv``,
            ``pool`` or ``dropout``.
        head: ``pool`` (``flatten`` or ``average``), hidden ``widths``, ``dropout`` rate.
        init: ``keras`` (Glorot uniform, zero biases) or ``he`` (He normal, zero biases).
    """

    def __init__(
        self,
        *,
        classes: int,
        stages: Sequence[Mapping[str, Any]],
        order: str,
        norm: Mapping[str, Any],
        attention: Mapping[str, Any],
        head: Mapping[str, Any],
        init: str,
    ) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        channels, size = 1, IMAGE_SIZE
        for number, stage in enumerate(stages, start=1):
            layers = _stage(channels, number, stage, order, norm, attention)
            self.stages.add_module(str(number), nn.Sequential(*layers))
            channels = stage["widths"][-1]
            size = -(-size // stage["stride"]) // stage["pool"]
        features = channels * size**2 if head["pool"] == "flatten" else channels
        self.head = nn.Sequential(*_head(features, classes, head, norm))
        initialise(self, init)

    def forward(self, images: Tensor) -> Tensor:
        """Score normalised images: float (n, 1, 48, 48) -> logits (n, classes)."""
        logits: Tensor = self.head(self.stages(images))
        return logits


def _stage(
    channels: int,
    number: int,
    stage: Mapping[str, Any],
    order: str,
    norm: Mapping[str, Any],
    attention: Mapping[str, Any],
) -> Iterator[nn.Module]:
    """The layers of one stage, in order."""
    last = len(stage["widths"]) - 1
    for i, (width, kernel) in enumerate(zip(stage["widths"], stage["kernels"], strict=True)):
        normed = norm["each"] == "conv" or i == last
        norm_first = normed and order == "conv-norm-relu"
        yield nn.Conv2d(
            channels,
            width,
            kernel,
            stride=stage["stride"] if i == 0 else 1,
            padding=kernel // 2,
            bias=not norm_first,  # the norm's shift would undo it
        )
        if norm_first:
            yield _norm(nn.BatchNorm2d, width, norm)
        yield nn.ReLU(inplace=True)
        if normed and not norm_first:
            yield _norm(nn.BatchNorm2d, width, norm)
        channels = width
    steps: dict[str, nn.Module | None] = {
        "conv": None,
        "pool": nn.MaxPool2d(stage["pool"]) if stage["pool"] > 1 else None,
        "dropout": nn.Dropout(stage["dropout"]) if stage["dropout"] else None,
    }
    for position, layer in steps.items():
        if layer is not None:
            yield layer
        yield from attention_at(attention, number, position, channels)


def _head(
    features: int, classes: int, head: Mapping[str, Any], norm: Mapping[str, Any]
) -> Iterator[nn.Module]:
    """Feature maps to logits."""
    if head["pool"] == "average":
        yield nn.AdaptiveAvgPool2d(1)
    yield nn.Flatten()
    for width in head["widths"]:
        yield nn.Linear(features, width)
        yield nn.ReLU(inplace=True)
        yield _norm(nn.BatchNorm1d, width, norm)
        yield nn.Dropout(head["dropout"])
        features = width
    yield nn.Linear(features, classes)


def _norm(
    kind: type[nn.BatchNorm1d] | type[nn.BatchNorm2d], width: int, norm: Mapping[str, Any]
) -> nn.Module:
    return kind(width, eps=norm["epsilon"], momentum=norm["momentum"])


def initialise(network: nn.Module, init: str) -> None:
    """Draw the weights of all convolutions and dense layers anew; see `ExpressionCNN`."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if init == "keras":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
