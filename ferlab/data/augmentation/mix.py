"""Pairs of training images blended or pasted into each other, and their targets likewise."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class Mix:
    """Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019); with both off, nothing.

    As in both papers' code, a batch is mixed with itself in another order, and one share is drawn
    for the whole batch, from Beta(alpha, alpha). All randomness comes from torch's global
    generator, on the CPU.

    Args:
        mixup: alpha of mixup; 0: off.
        cutmix: alpha of CutMix; 0: off. With both on, each batch takes one by a fair draw.
        classes: number of classes.
    """

    def __init__(self, mixup: float, cutmix: float, classes: int) -> None:
        self._classes = classes
        self._ways = [(a, how) for a, how in ((mixup, _blended), (cutmix, _pasted)) if a]

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            images: float (n, 1, h, w).
            targets: labels, int64 (n,), or probabilities, float (n, classes).

        Returns:
            Images of the same shape and float (n, classes) targets; if both are off, what came.
        """
        if not self._ways:
            return images, targets
        way = int(torch.randint(len(self._ways), ())) if len(self._ways) > 1 else 0
        alpha, mixed = self._ways[way]
        share = float(torch.distributions.Beta(alpha, alpha).sample())
        order = torch.randperm(len(images)).to(images.device)
        images, share = mixed(images, images[order], share)
        if targets.ndim == 1:
            targets = one_hot(targets, self._classes).to(images.dtype)
        return images, targets.lerp(targets[order], 1 - share)


def _blended(images: Tensor, others: Tensor, share: float) -> tuple[Tensor, float]:
    """Weighted means of images and others, and the share of the first."""
    return images.lerp(others, 1 - share), share


def _pasted(images: Tensor, others: Tensor, share: float) -> tuple[Tensor, float]:
    """A rectangle of the others, somewhere, in the images, and the share that is left of these.

    It takes up 1 - ``share`` of the area around a centre that may be anywhere, so at a border it is
    cut, and the share that is left is larger (Yun et al. 2019, appendix A).
    """
    height, width = images.shape[2:]
    side = (1 - share) ** 0.5
    top, bottom = _span(side, height)
    left, right = _span(side, width)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(share: float, size: int) -> tuple[int, int]:
    """From where to where a share of ``size`` places reaches, around one that is drawn."""
    centre, half = int(torch.randint(size, ())), int(size * share) // 2
    return max(0, centre - half), min(size, centre + half)
