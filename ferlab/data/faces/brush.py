"""Antialiased marks on a stack of images.

A mark is a coverage from 0 to 1 per pixel. Only arithmetic that IEEE 754 rounds exactly is used
here and by the faces, so that a face has the same pixels on every machine.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.floating[Any]]
"""float32; one value per pixel, shape (n, 48, 48), or one per image, shape (n, 1, 1)."""


def inside(depth: Grid, softness: Grid | float) -> Grid:
    """Coverage of a shape whose edge is where ``depth`` is 0; the edge is ``softness`` wide."""
    coverage: Grid = np.clip(depth / softness + 0.5, 0, 1)
    return coverage


def blob(x: Grid, y: Grid, width: Grid | float, height: Grid | float) -> Grid:
    """A round mark about the origin that fades from 1 to 0 at half-axes ``width``, ``height``."""
    fade = np.maximum(1 - (x / width) ** 2 - (y / height) ** 2, 0)
    return fade * fade


def line(distance: Grid, thickness: Grid | float) -> Grid:
    """A soft line where ``distance`` is 0, gone at ``thickness`` on either side."""
    coverage: Grid = np.maximum(1 - np.abs(distance) / thickness, 0)
    return coverage


def zigzag(x: Grid) -> Grid:
    """A wave of period 1 between 0 and 0.5, at 0.5 where ``x`` is whole."""
    wave: Grid = np.abs(x - np.floor(x) - 0.5)
    return wave


def paint(grey: Grid, coverage: Grid, tone: Grid | float) -> None:
    """Lay a tone over the images, in place."""
    grey += coverage * (tone - grey)


def shade(grey: Grid, coverage: Grid) -> None:
    """Darken the images by a fraction of their tone, in place; a negative coverage brightens."""
    grey *= 1 - coverage
