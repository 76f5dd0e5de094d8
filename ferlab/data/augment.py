"""Random changes to training images, on the batch's own device, drawn anew for every image."""

from typing import cast

from kornia.augmentation import ColorJitter, RandomAffine, RandomErasing, RandomHorizontalFlip
from torch import Tensor, nn

ERASED_AREA = (0.02, 0.15)
"""Smallest and largest share of an image that is erased."""

ERASED_GREY = 0.5


class BatchAugmentation(nn.Module):
    """Flip, move, relight and erase; with everything off, the identity.

    All randomness comes from torch's global generator, so `torch.manual_seed` reproduces a batch.

    Args:
        flip: mirror half of the images left to right.
        shift: largest shift along each axis, as a fraction of the image's size.
        rotate: largest rotation either way, in degrees.
        scale: largest relative change of size.
        brightness: largest relative change of all grey levels.
        contrast: largest relative change of the distance to the image's mean grey.
        erase: probability that a rectangle is replaced by mid-grey.
    """

    def __init__(
        self,
        *,
        flip: bool = False,
        shift: float = 0.0,
        rotate: float = 0.0,
        scale: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        erase: float = 0.0,
    ) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        if flip:
            steps.append(RandomHorizontalFlip(p=0.5))
        if shift or rotate or scale:
            # One warp for all three: an image is resampled, and so blurred, only once.
            steps.append(
                RandomAffine(
                    degrees=rotate,
                    translate=(shift, shift),
                    scale=(1 - scale, 1 + scale),
                    padding_mode="border",
                    p=1.0,
                )
            )
        if brightness or contrast:
            steps.append(ColorJitter(brightness, contrast, order=(0, 1), p=1.0))
        if erase:
            steps.append(RandomErasing(scale=ERASED_AREA, value=ERASED_GREY, p=erase))
        self._steps = nn.Sequential(*steps)

    def forward(self, images: Tensor) -> Tensor:
        """Change each image on its own: float (n, 1, 48, 48) in [0, 1] -> the same."""
        return cast(Tensor, self._steps(images))
