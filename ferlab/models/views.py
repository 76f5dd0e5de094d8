"""Views: what a trained classifier is shown of an image, where it looks at it more than once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ferlab.data.imageset import SIZE
from ferlab.errors import DataError


@dataclass(frozen=True)
class ImageView:
    """A square window of an image, enlarged to the image's size.

    Attributes:
        top: its first row; above and below the image its border goes on.
        left: its first column, alike.
        side: its height and width.
        is_mirrored: whether left and right change places.
    """

    top: int = 0
    left: int = 0
    side: int = SIZE
    is_mirrored: bool = False

    def __call__(self, images: Tensor) -> Tensor:
        """The view of each image: float (n, 1, 48, 48) -> the same."""
        if self == WHOLE:
            return images
        window = torch.arange(self.side, device=images.device)
        rows, columns = ((window + first).clamp(0, SIZE - 1) for first in (self.top, self.left))
        seen = images[:, :, rows[:, None], columns.flip(0) if self.is_mirrored else columns]
        if self.side == SIZE:
            return seen
        return interpolate(seen, size=SIZE, mode="bilinear", align_corners=False)


WHOLE = ImageView()
"""The image as it is, as in training without augmentation."""

SHIFT = 2
"""Pixels by which `shifts` moves the image."""

CROP = 44
"""Side of a crop of `ten_crop`, in pixels: the customary one on FER2013."""

ZOOMS = (44, 40)
"""Sides of the windows about the middle that `zooms` enlarges, in pixels."""


def _with_mirrors(*views: ImageView) -> tuple[ImageView, ...]:
    return (*views, *(replace(view, is_mirrored=True) for view in views))


_REST, _MIDDLE = SIZE - CROP, (SIZE - CROP) // 2

VIEWS: Mapping[str, tuple[ImageView, ...]] = {
    "one": (WHOLE,),
    "flip": _with_mirrors(WHOLE),
    "shifts": _with_mirrors(
        WHOLE, ImageView(SHIFT, 0), ImageView(-SHIFT, 0), ImageView(0, SHIFT), ImageView(0, -SHIFT)
    ),
    "zooms": _with_mirrors(
        WHOLE, *(ImageView((SIZE - side) // 2, (SIZE - side) // 2, side) for side in ZOOMS)
    ),
    # Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
    # section 4.1: the corners, the centre, their mirrors, and the mean of the softmax over them.
    "ten_crop": _with_mirrors(
        ImageView(0, 0, CROP),
        ImageView(0, _REST, CROP),
        ImageView(_REST, 0, CROP),
        ImageView(_REST, _REST, CROP),
        ImageView(_MIDDLE, _MIDDLE, CROP),
    ),
}
"""What each value of ``trainer.views`` shows."""


def views_named(name: str) -> tuple[ImageView, ...]:
    """The views of that name.

    Raises:
        DataError: there are none; a config would have been refused, so a recorded model is damaged.
    """
    if name not in VIEWS:
        raise DataError(f"there are no views '{name}'; there are {', '.join(VIEWS)}")
    return VIEWS[name]


def log_mean_probability(logits: Tensor) -> Tensor:
    """The logarithm of the mean of probabilities: logits (v, n, classes) -> (n, classes).

    Of one, the logits themselves, to the last bit; so they are logits again, whose softmax is the
    mean.
    """
    if len(logits) == 1:
        return logits[0]
    return logits.log_softmax(dim=-1).logsumexp(dim=0) - torch.tensor(len(logits)).log()
