"""From pixels to logits: a network together with the input normalisation it was trained with."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ferlab import instantiate


class Classifier(nn.Module):
    """A network and its normalisation; the two are saved, counted and served as one.

    Args:
        network: float (n, 1, 48, 48), normalised -> logits (n, classes).
        mean: subtracted from grey levels in [0, 1].
        std: divides them, after.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, images: Tensor) -> Tensor:
        """Score raw images: uint8 (n, 48, 48) -> logits (n, classes)."""
        return self.score(to_unit(images))

    def score(self, images: Tensor) -> Tensor:
        """Score images in [0, 1]: float (n, 1, 48, 48) -> logits (n, classes)."""
        normal = (images - self.mean) / self.std
        logits: Tensor = self.network(normal.contiguous(memory_format=torch.channels_last))
        return logits


def to_unit(images: Tensor) -> Tensor:
    """Grey levels to floats in [0, 1]: uint8 (n, 48, 48) -> float (n, 1, 48, 48)."""
    return images.unsqueeze(1).to(torch.float32).div_(255)


def build(network: Mapping[str, Any], mean: float, std: float) -> Classifier:
    """A freshly initialised classifier from a model config that any file may bring along.

    It takes no ``allow``, for what a file says must not vouch for itself.

    Args:
        network: the ``model`` section: ``_target_`` and its keyword arguments.
        mean, std: see `Classifier`.
    """
    return build_allowed(network, mean, std, ())


def build_allowed(
    network: Mapping[str, Any], mean: float, std: float, allow: Collection[str]
) -> Classifier:
    """The same, for whom the user vouches.

    Args:
        network: see `build`.
        mean, std: see `Classifier`.
        allow: see `ferlab.instantiate.require_allowed`.
    """
    classifier = Classifier(instantiate.call(network, allow), mean, std)
    for parameter in classifier.parameters():
        if parameter.dim() == 4:  # the fastest layout of convolutions
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return classifier
