"""Several classifiers as one: the mean of their probabilities, or of their weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ferlab import instantiate
from ferlab.models.classifier import Classifier
from ferlab.models.views import log_mean_probability

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Ensemble(nn.Module):
    """The mean of some classifiers' probabilities (Lakshminarayanan et al. 2017, section 2.4).

    Args:
        members: at least one, each with its own normalisation, all of the same classes.
    """

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        """Score raw images: uint8 (n, 48, 48) -> logarithms of mean probabilities (n, classes).

        They are logits like any other, for their softmax is the mean itself.
        """
        return log_mean_probability(torch.stack([member(images) for member in self.members]))


def build_ensemble(members: Sequence[Mapping[str, Any]]) -> Ensemble:
    """An ensemble of freshly initialised classifiers, from what any file may bring along.

    Args:
        members: of each the ``_target_`` that builds it and its keyword arguments.
    """
    return Ensemble([instantiate.call(member) for member in members])


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of some networks' states (model soups: Wortsman et al. 2022, section 2).

    Args:
        states: at least one ``state_dict``, all with the same names and shapes. Of what is no
            float, which counts something, the first network's is taken.
    """
    first, *_ = states
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor.clone()
        for name, tensor in first.items()
    }


def recompute_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give batch normalisation the statistics of what the network makes of these images.

    Those of other weights do not fit averaged ones (Izmailov et al. 2018, "Averaging Weights Leads
    to Wider Optima", section 3.2). They are the mean over the batches of each one's mean and
    variance, under weights that stand still (Wu & Johnson 2021, "Rethinking 'Batch' in BatchNorm",
    section 3); all else, dropout too, does what it does when an image is read.

    Args:
        network: images -> anything; it is left in evaluation mode. Without batch normalisation
            nothing happens.
        batches: of images, about equally large and of at least two each.
    """
    network.eval()
    momenta = {m: m.momentum for m in network.modules() if isinstance(m, _NORMS)}
    if not momenta:
        return
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    with torch.no_grad():
        for images in batches:
            network(images)
    for norm, momentum in momenta.items():
        norm.momentum = momentum
        norm.eval()
