"""An oracle: a network that knows the answers, and gives the right one as often as it is told to.

So the true difference between two of them is known. It finds a face among those that are drawn by
its pixels; whether it then reads it correctly is drawn anew for each run's seed.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from ferlab.data import faces


class Oracle(nn.Module):
    def __init__(self, classes: int, images: int, right: float, spare: int) -> None:
        super().__init__()
        known = faces.draw(images)
        self.known = {image.tobytes(): i for i, image in enumerate(known.images)}
        self.labels = known.labels.astype(np.int64)
        self.classes, self.right, self.spare = classes, right, spare
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("luck", torch.randint(2**31, ()))

    def forward(self, images: Tensor) -> Tensor:
        """Float (n, 1, 48, 48), grey levels / 255 -> logits (n, classes)."""
        pixels = (images * 255).round().to(torch.uint8).numpy()
        answers = self._answers([self.known.get(image.tobytes(), -1) for image in pixels])
        logits = self.scale * nn.functional.one_hot(answers, self.classes).float()
        return logits + 0 * images.mean()  # it has a gradient, by which no pixel counts

    def _answers(self, found: Iterable[int]) -> Tensor:
        rng = np.random.default_rng([int(self.luck), self.spare])
        is_right = rng.random(len(self.labels)) < self.right
        missed = (self.labels + rng.integers(1, self.classes, len(self.labels))) % self.classes
        answers = np.where(is_right, self.labels, missed)
        return torch.tensor([answers[i] if i >= 0 else 0 for i in found])
