"""InfoBatch: spend less on images that are read well already (Qin et al. 2023)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ferlab.data.batches import epoch_seed

SKIPPING = 0.875
"""Share of the epochs that skip images; the last see all of them (delta in the paper)."""


class SkipEasy(nn.Module):
    """Leaves some easy images out of an epoch, and lets those that stay count for them.

    An image is easy in an epoch if its last loss is below the mean of all last losses as the epoch
    begins. Of a gradient it then has 1 / (1 - probability) times its share, so that the epoch's sum
    is that of all images in expectation.

    Args:
        images: number of images of the data set, whether they train or not.
        probability: with which an easy image is left out.
        epochs: of the whole run.
    """

    losses: Tensor
    easy: Tensor

    def __init__(self, images: int, probability: float, epochs: int) -> None:
        super().__init__()
        self.probability = probability
        self.last = int(SKIPPING * epochs)
        self.register_buffer("losses", torch.full((images,), torch.nan))  # not trained yet
        self.register_buffer("easy", torch.zeros(images, dtype=torch.bool), persistent=False)

    def kept(self, order: Tensor, seed: int, epoch: int) -> Tensor:
        """The images that an epoch trains, in their order: int64 (m,) positions -> (at most m,).

        Chance depends on seed and epoch alone, and is another than that of the order.
        """
        self.easy = self.losses < self.losses.nanmean()  # false for what was not trained yet
        if epoch >= self.last:
            self.easy = torch.zeros_like(self.easy)
        generator = torch.Generator().manual_seed(epoch_seed(seed, epoch) ^ 1)
        drawn = torch.rand(len(order), generator=generator).to(order.device)
        return order[~self.easy[order] | (drawn >= self.probability)]

    def weigh(self, logits: Tensor, targets: Tensor, images: Tensor) -> None:
        """Weigh the gradient of each image, and remember its loss.

        It is the gradient that is weighed, for any loss that is a mean over images.

        Args:
            logits: (b, classes), from which the loss is about to be made.
            targets: as in `ferlab.training.module.Batch`.
            images: int64 (b,), their positions.
        """
        self.losses[images] = cross_entropy(logits.detach().float(), targets, reduction="none")
        weights = torch.where(self.easy[images], 1 / (1 - self.probability), 1.0)[:, None]
        logits.register_hook(lambda gradient: gradient * weights.to(gradient.dtype))  # type: ignore[no-untyped-call]


def skipped_after(step: int, taken: int, due: int) -> int:
    """Of the steps that an epoch skips, those that are reckoned with one that it takes.

    So a schedule, made for all steps that are due, comes evenly to its end.

    Args:
        step: that was taken, from 0.
        taken: number of steps of the epoch.
        due: number of its steps if no image were skipped.
    """
    return (step + 1) * due // taken - step * due // taken - 1
