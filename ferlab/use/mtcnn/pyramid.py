"""A photo at all sizes, and squares cut from the one that shows them best."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ferlab.use.mtcnn.boxes import Boxes


class Pyramid:
    """A photo, its half, its quarter and so on, as the networks take them: RGB in [-1, 1].

    What is sampled from too large a photo skips pixels, and the networks take more for faces then.

    Args:
        picture: RGB.
    """

    def __init__(self, picture: Image.Image) -> None:
        pixels = torch.tensor(np.asarray(picture), dtype=torch.float32)
        self.height, self.width = pixels.shape[:2]
        self._levels = [((pixels - 127.5) / 128).permute(2, 0, 1).unsqueeze(0)]
        while min(self._levels[-1].shape[2:]) > 1:
            self._levels.append(functional.avg_pool2d(self._levels[-1], 2, ceil_mode=True))

    def resized(self, scale: float) -> Tensor:
        """The whole photo, made smaller: (1, 3, h * scale, w * scale)."""
        size = math.floor(self.height * scale), math.floor(self.width * scale)
        level = min(math.floor(math.log2(1 / scale)), len(self._levels) - 1)
        return functional.interpolate(self._levels[level], size, mode="area")

    def patches(self, squares: Boxes, side: int) -> Tensor:
        """Squares of the photo, grey beyond its edges: (n, 4) -> (n, 3, side, side)."""
        cut = torch.empty(len(squares), 3, side, side)
        steps = (squares[:, 2] - squares[:, 0]) / side  # pixels of the photo between two samples
        levels = np.floor(np.log2(np.maximum(steps, 1))).clip(0, len(self._levels) - 1)
        for level in np.unique(levels).astype(int):
            chosen = levels == level
            cut[torch.from_numpy(chosen)] = self._sampled(int(level), squares[chosen], side)
        return cut

    def _sampled(self, level: int, squares: Boxes, side: int) -> Tensor:
        pixels = self._levels[level]
        height, width = pixels.shape[2:]
        sides = np.array([width, height] * 2) * 2**level
        # grid_sample counts from -1 at the first pixel's outer edge to 1 at the last's
        edges = torch.from_numpy(2 * squares / sides - 1).float()
        at = (torch.arange(side) + 0.5) / side
        x, y = (
            edges[:, i, None] + (edges[:, i + 2, None] - edges[:, i, None]) * at for i in (0, 1)
        )  # (n, side) each
        n = len(squares)
        grid = torch.stack(
            [x[:, None, :].expand(n, side, side), y[:, :, None].expand(n, side, side)], dim=-1
        )
        whole = pixels.expand(n, -1, -1, -1)
        return functional.grid_sample(whole, grid, "bilinear", "zeros", align_corners=False)
