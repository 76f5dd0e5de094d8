"""How two networks answer the same images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
"""Of each class, a row an image: shape (n, k)."""


@dataclass(frozen=True)
class Agreement:
    """A network beside the one that it was made of.

    Attributes:
        images: their number.
        others: images that it gives another class.
        largest: largest difference of any probability.
        accuracies: share of images that are read rightly by the one it was made of, and by it.
    """

    images: int
    others: int
    largest: float
    accuracies: tuple[float, float]

    @classmethod
    def of(
        cls, labels: npt.NDArray[np.uint8], before: Probabilities, after: Probabilities
    ) -> "Agreement":
        """From what both say of n images, and their true classes, shape (n,)."""
        was, is_now = before.argmax(axis=1), after.argmax(axis=1)
        return cls(
            len(labels),
            int((was != is_now).sum()),
            float(np.abs(before - after).max()),
            (float((was == labels).mean()), float((is_now == labels).mean())),
        )
