"""Losses of training.

Each is made from the number of training images of each class, float32 (classes,), and its keys; it
takes logits (b, classes) and targets, int64 (b,) labels or float32 (b, classes) probabilities, and
returns one number, shape (). A user's own loss has the same form.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot


class CrossEntropyLoss(nn.Module):
    """Cross-entropy; with labels and class weights, the weighted mean over a batch.

    Args:
        class_counts: number of training images of each class, float32 (classes,).
        class_weights: ``none``; ``balanced``: a class counts in inverse proportion to its images.
        label_smoothing: share of the target spread over all classes (Szegedy et al. 2016).
    """

    class_weights: Tensor | None

    def __init__(self, class_counts: Tensor, class_weights: str, label_smoothing: float) -> None:
        super().__init__()
        self.register_buffer("class_weights", _weights(class_weights, class_counts))
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (b, classes), targets (b,) or (b, classes) -> ()."""
        return cross_entropy(
            logits, targets, weight=self.class_weights, label_smoothing=self.label_smoothing
        )


class FocalLoss(nn.Module):
    """Focal loss (Lin et al. 2017, eq. 5): what is read well already counts less.

    Of probabilities as targets, the mean of each class's focal loss, weighted by its probability.

    Args:
        class_counts, class_weights, label_smoothing: see `CrossEntropyLoss`; the weights are the
            paper's alpha, and the mean over a batch is a plain one.
        gamma: exponent of 1 - p, the factor of a class that is predicted with probability p.
    """

    class_weights: Tensor | None

    def __init__(
        self, class_counts: Tensor, class_weights: str, label_smoothing: float, gamma: float
    ) -> None:
        super().__init__()
        self.register_buffer("class_weights", _weights(class_weights, class_counts))
        self.label_smoothing = label_smoothing
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (b, classes), targets (b,) or (b, classes) -> ()."""
        log_p = logits.float().log_softmax(dim=1)
        # 1 - p without cancellation; of p = 1, a power below 1 would have no gradient
        apart = torch.expm1(log_p).neg().clamp(min=torch.finfo(log_p.dtype).eps)
        losses = -(apart**self.gamma) * log_p
        if self.class_weights is not None:
            losses = losses * self.class_weights
        if targets.ndim == 1:
            targets = one_hot(targets, logits.shape[1])
        targets = (1 - self.label_smoothing) * targets + self.label_smoothing / logits.shape[1]
        return (targets * losses).sum(dim=1).mean()


class BalancedSoftmaxLoss(nn.Module):
    """Balanced softmax (Ren et al. 2020, eq. 4): cross-entropy of a network for balanced classes.

    In training a class's odds are multiplied by its number of images, so that the logits by
    themselves are those for classes that are equally frequent.

    Args:
        class_counts, label_smoothing: see `CrossEntropyLoss`.
    """

    log_counts: Tensor

    def __init__(self, class_counts: Tensor, label_smoothing: float) -> None:
        super().__init__()
        self.register_buffer("log_counts", class_counts.clamp(min=1).log())
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (b, classes), targets (b,) or (b, classes) -> ()."""
        return cross_entropy(
            logits + self.log_counts, targets, label_smoothing=self.label_smoothing
        )


def _weights(how: str, class_counts: Tensor) -> Tensor | None:
    """Weights in inverse proportion to a class's images, 1 on average over images; (classes,)."""
    if how == "none":
        return None
    return class_counts.sum() / (len(class_counts) * class_counts.clamp(min=1))
