"""The one distribution that faces are drawn from."""

import numpy as np
import numpy.typing as npt


def triangular(
    rng: np.random.Generator, low: float, mode: float, high: float, shape: int | tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Values between ``low`` and ``high``, most of them near ``mode``.

    NumPy's own rounds as its C compiler decides; this one is the same on every machine.
    """
    u = rng.random(shape)
    rising = low + np.sqrt(u * ((high - low) * (mode - low)))
    falling = high - np.sqrt((1 - u) * ((high - low) * (high - mode)))
    return np.where(u * (high - low) < mode - low, rising, falling)
