"""From pixels to logits: a network together with the input normalisation it was trained with."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ferlab import instantiate
from ferlab.models.views import WHOLE, log_mean_probability, views_named


class Classifier(nn.Module):
    """A network, its normalisation and its views; they are saved, counted and served as one.

    Args:
        network: float (n, 1, 48, 48), normalised -> logits (n, classes).
        mean: subtracted from grey levels in [0, 1].
        std: divides them, after.
        views: name of what is scored of each image; see `ferlab.models.views.VIEWS`.

    Attributes:
        views: those views.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: float, std: float, views: str = "one") -> None:
        super().__init__()
        self.network = network
        self.views = views_named(views)
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, images: Tensor) -> Tensor:
        """Score raw images over the views: uint8 (n, 48, 48) -> logits (n, classes).

        Over more than one they are the logarithm of the views' mean probabilities.
        """
        unit = to_unit(images)
        return log_mean_probability(torch.stack([self.score(view(unit)) for view in self.views]))

    def with_and_without_views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of `forward`, and those of the image alone, which is scored only once."""
        unit = to_unit(images)
        scored = {view: self.score(view(unit)) for view in self.views}
        alone = scored[WHOLE] if WHOLE in scored else self.score(unit)
        return log_mean_probability(torch.stack([*scored.values()])), alone

    def score(self, images: Tensor) -> Tensor:
        """Score one view in [0, 1]: float (n, 1, 48, 48) -> logits (n, classes)."""
        normal = (images - self.mean) / self.std
        logits: Tensor = self.network(normal.contiguous(memory_format=torch.channels_last))
        return logits


def to_unit(images: Tensor) -> Tensor:
    """Grey levels to floats in [0, 1]: uint8 (n, 48, 48) -> float (n, 1, 48, 48)."""
    return images.unsqueeze(1).to(torch.float32).div_(255)


def build(network: Mapping[str, Any], mean: float, std: float, views: str = "one") -> Classifier:
    """A freshly initialised classifier from a model config that any file may bring along.

    It takes no ``allow``, for what a file says must not vouch for itself.

    Args:
        network: the ``model`` section: ``_target_`` and its keyword arguments.
        mean, std, views: see `Classifier`.
    """
    return build_allowed(network, mean, std, (), views)


def build_allowed(
    network: Mapping[str, Any],
    mean: float,
    std: float,
    allow: Collection[str],
    views: str = "one",
) -> Classifier:
    """The same, for whom the user vouches.

    Args:
        network: see `build`.
        mean, std, views: see `Classifier`.
        allow: see `ferlab.instantiate.require_allowed`.
    """
    classifier = Classifier(instantiate.call(network, allow), mean, std, views)
    for parameter in classifier.parameters():
        if parameter.dim() == 4:  # the fastest layout of convolutions
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return classifier
