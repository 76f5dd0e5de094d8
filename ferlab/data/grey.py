"""Grey levels as they come from outside: taken if they are some, else refused in words."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ferlab.data.imageset import SIZE
from ferlab.errors import DataError

_WANTED = f"whole grey levels 0-255, of shape (n, {SIZE}, {SIZE})"


def grey_images(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Images of whatever numbers as uint8; nothing is rounded, clipped or scaled.

    Args:
        values: n images, at least one; of any type, as that of an array of Python's own numbers.

    Returns:
        uint8, shape (n, 48, 48).

    Raises:
        DataError: another shape, or values that are no whole numbers 0-255, or that lie in 0-1 as
            those of scaled images do.
    """
    if (kind := _odd_kind(values)) is not None:
        raise DataError(f"the images must be {_WANTED}, and there is {kind} among them")
    if values.ndim != 3 or values.shape[1:] != (SIZE, SIZE) or not len(values):
        hint = "; one image alone is a list of one" if values.shape == (SIZE, SIZE) else ""
        raise DataError(f"the images must be {_WANTED}, not {values.shape}{hint}")
    numbers = _as_floats(values)
    if np.all((numbers >= 0) & (numbers <= 1)) and numbers.any():
        raise DataError(
            f"the images must be {_WANTED}, and all their values lie in 0-1; "
            "send the grey levels as they are, not divided by 255"
        )
    is_level = (numbers >= 0) & (numbers <= 255) & (numbers == np.trunc(numbers))
    if not is_level.all():
        raise DataError(f"the images must be {_WANTED}, and {numbers[~is_level][0]:g} is none")
    return numbers.astype(np.uint8)


def _as_floats(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    try:
        return values.astype(np.float64)
    except OverflowError:  # a whole number of JSON may have hundreds of digits
        return np.full(values.shape, np.inf)


def _odd_kind(values: npt.NDArray[Any]) -> str | None:
    """What stands among the values that is no number; None if nothing does."""
    if values.dtype.kind == "O":
        odd = {type(value) for value in values.flat} - {int, float}
        if list in odd:
            return "a list of another length"
        return f"a value of type {min(t.__name__ for t in odd)}" if odd else None
    return None if values.dtype.kind in "uif" else f"a value of type {values.dtype.type.__name__}"
