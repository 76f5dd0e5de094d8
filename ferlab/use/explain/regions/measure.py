"""What one network goes by: attribution on each region, and mistakes when it is covered."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ferlab.analysis.classification import Floats
from ferlab.use.explain.attribution import attribute
from ferlab.use.explain.regions.masks import Masks

_BATCH = 256


class RegionsUsed(NamedTuple):
    """How much a network goes by each of r regions of n images.

    Attributes:
        shares: of the attribution, shape (n, r); each row has sum 1.
        drops: 1 where an image is read correctly only as it is, -1 where only with the region
            covered, else 0, shape (n, r): the mean over images is the drop in accuracy.
        flat: of how many images the map is 0 everywhere; it counts as spread evenly.
    """

    shares: Floats
    drops: Floats
    flat: int


def measure(
    classifier: nn.Module,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    masks: Masks,
    method: str,
) -> RegionsUsed:
    """Explain the class that a network takes each image for, and cover one region after the other.

    Args:
        classifier: see `ferlab.use.explain.attribution.attribute`.
        images: shape (n, 48, 48).
        labels: true classes, shape (n,).
        masks: of the images' regions.
        method: of attribution.
    """
    classifier.eval()
    device = next(classifier.parameters()).device
    shown = torch.from_numpy(images).to(device)
    classes = _classes(classifier, shown)
    maps = attribute(classifier, shown, classes, method).double().cpu().numpy()
    is_flat = maps.sum(axis=(1, 2)) == 0
    maps[is_flat] = 1 / maps[0].size
    is_right = classes.cpu().numpy() == labels
    drops = []
    for mask in masks.swapaxes(0, 1):
        hidden = torch.from_numpy(covered(images, mask)).to(device)
        is_right_still = _classes(classifier, hidden).cpu().numpy() == labels
        drops.append(is_right.astype(np.float64) - is_right_still)
    shares = np.einsum("nhw,nrhw->nr", maps, masks)
    return RegionsUsed(shares, np.stack(drops, axis=1), int(is_flat.sum()))


def covered(images: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The images, with the mean grey of each one where the mask says so; all are (n, 48, 48)."""
    grey = np.rint(images.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return np.where(mask, grey, images)


@torch.no_grad()
def _classes(classifier: nn.Module, images: Tensor) -> Tensor:
    """The class that each image is taken for: (n, 48, 48) -> (n,)."""
    return torch.cat([classifier(part).argmax(dim=1) for part in torch.split(images, _BATCH)])
