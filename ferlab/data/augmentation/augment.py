"""Random changes to training images, on the batch's own device, drawn anew for every image."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, pad

ERASED_AREA = (0.02, 0.15)
"""Smallest and largest share of an image that is erased."""

ERASED_ASPECT = (0.3, 1 / 0.3)
"""Smallest and largest height of what is erased, by its width."""

ERASED_GREY = 0.5


class BatchAugmentation(nn.Module):
    """Flip, move, crop, relight and erase; with everything off, the identity.

    All randomness comes from torch's global generator, so `torch.manual_seed` reproduces a batch;
    it is drawn on the CPU, so that every device sees the same changes.

    Args:
        flip: mirror half of the images left to right.
        crop: pixels by which the borders are repeated, before as much as came is cut out of that.
        shift: largest shift along each axis, as a fraction of the image's size.
        rotate: largest rotation either way, in degrees.
        scale: largest relative change of size.
        brightness: largest relative change of all grey levels.
        contrast: largest relative change of the distance to the image's mean grey.
        erase: probability that a rectangle is replaced by mid-grey (Zhong et al. 2020).
    """

    def __init__(
        self,
        *,
        flip: bool = False,
        crop: int = 0,
        shift: float = 0.0,
        rotate: float = 0.0,
        scale: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        erase: float = 0.0,
    ) -> None:
        super().__init__()
        self.flip = flip
        self.crop = crop
        self.warp = (math.radians(rotate), scale, shift, shift)
        self.brightness = brightness
        self.contrast = contrast
        self.erase = erase

    def forward(self, images: Tensor) -> Tensor:
        """Change each image on its own: float (n, 1, 48, 48) in [0, 1] -> the same."""
        mirrored = torch.zeros(len(images), dtype=torch.bool)
        if self.flip:
            mirrored = torch.rand(len(images)) < 0.5
        if any(self.warp):
            images = _warped(images, mirrored, *_drawn(len(images), *self.warp))
        elif self.flip:
            images = torch.where(_each(mirrored, images), images.flip(3), images)
        if self.crop:
            images = _cropped(images, self.crop)
        if self.brightness:
            (change,) = _drawn(len(images), self.brightness)
            images = (images * _each(1 + change, images)).clamp_(0, 1)
        if self.contrast:
            (change,) = _drawn(len(images), self.contrast)
            mean = images.mean(dim=(2, 3), keepdim=True)
            images = (images - mean).mul_(_each(1 + change, images)).add_(mean).clamp_(0, 1)
        if self.erase:
            images = images.masked_fill(_rectangles(images, self.erase), ERASED_GREY)
        return images


def _drawn(n: int, *limits: float) -> Tensor:
    """Numbers from -limit to limit, evenly, of each limit for each image: (limits, n), CPU."""
    return (2 * torch.rand(len(limits), n) - 1) * torch.tensor(limits)[:, None]


def _each(values: Tensor, images: Tensor) -> Tensor:
    """A value of each image, (n,), so that it broadcasts with them: (n, 1, 1, 1)."""
    return values.to(images.device)[:, None, None, None]


def _warped(
    images: Tensor, mirrored: Tensor, angle: Tensor, growth: Tensor, right: Tensor, down: Tensor
) -> Tensor:
    """Mirror, then turn and scale about the centre, then shift; borders are repeated outside.

    In one warp: an image is resampled, and so blurred, only once.

    Args:
        images: float (n, 1, h, w).
        mirrored: bool (n,).
        angle: in radians (n,).
        growth: relative change of size (n,).
        right, down: shifts, as fractions of the size (n,).
    """
    x, y = 2 * right, 2 * down  # of coordinates from -1 to 1
    cos, sin = angle.cos() / (1 + growth), angle.sin() / (1 + growth)
    side = torch.where(mirrored, -1.0, 1.0)
    # From a place in the result to where it comes from.
    row = torch.stack([cos, sin, -cos * x - sin * y], dim=1) * side[:, None]
    column = torch.stack([-sin, cos, sin * x - cos * y], dim=1)
    back = torch.stack([row, column], dim=1).to(images.device)  # (n, 2, 3)
    grid = affine_grid(back, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def _cropped(images: Tensor, padding: int) -> Tensor:
    """Cut a window of the images' own size out of each, padded: (n, 1, h, w) -> (n, 1, h, w)."""
    n, _, height, width = images.shape
    padded = pad(images, [padding] * 4, mode="replicate")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: (n, 1, at, at, h, w)
    top, left = torch.randint(2 * padding + 1, (2, n)).to(images.device)
    return windows[torch.arange(n, device=images.device), :, top, left]


def _rectangles(images: Tensor, probability: float) -> Tensor:
    """A random rectangle in so many of the images: bool (n, 1, h, w)."""
    n, _, height, width = images.shape
    hit = torch.rand(n) < probability
    area, aspect = (_between(torch.rand(n), *limits) for limits in (ERASED_AREA, ERASED_ASPECT))
    tall = (area * height * width * aspect).sqrt().round()
    wide = (area * height * width / aspect).sqrt().round()
    rows = _span(tall, height) & hit[:, None]
    columns = _span(wide, width)
    return rows.to(images.device)[:, None, :, None] & columns.to(images.device)[:, None, None, :]


def _span(length: Tensor, size: int) -> Tensor:
    """So many of ``size`` places in a row, somewhere: (n,) -> bool (n, size)."""
    first = (torch.rand(len(length)) * (size - length + 1)).floor()[:, None]
    at = torch.arange(size)
    return (at >= first) & (at < first + length[:, None])


def _between(drawn: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * drawn
