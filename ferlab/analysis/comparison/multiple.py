"""Several comparisons at once."""

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p of each of m tests: that any true null is rejected stays as rare as asked.

    The smallest is multiplied by m, the next by m - 1, and so on; none is less than one before
    it, nor more than 1 (Holm 1979, Scandinavian Journal of Statistics 6:65-70).

    Args:
        p: of each test.

    Returns:
        In the same order.
    """
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return tuple(adjusted.tolist())
