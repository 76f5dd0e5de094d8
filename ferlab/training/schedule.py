"""Learning-rate schedules.

Each takes the optimizer and the number of optimizer steps of the whole run, and returns a torch
scheduler: a `ReduceLROnPlateau` is stepped after each epoch with the validation loss, any other
after each optimizer step. A user's own schedule has the same form.
"""

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau


def one_cycle(
    optimizer: Optimizer, steps: int, warmup: float, start: float, end: float
) -> LRScheduler:
    """Linear warm-up to the optimizer's rate, then cosine decay (after Smith & Topin 2018).

    Args:
        optimizer: its learning rate is the peak.
        steps: number of steps of the whole run.
        warmup: share of the steps that warm up.
        start: first rate, as a share of the peak.
        end: last rate, as a share of the peak.
    """
    return _warmed_up(optimizer, steps, warmup, start, lambda progress: _cosine(1, end, progress))


def linear(
    optimizer: Optimizer, steps: int, warmup: float, start: float, end: float
) -> LRScheduler:
    """Linear warm-up to the optimizer's rate, then linear decay; arguments as of `one_cycle`."""
    return _warmed_up(
        optimizer, steps, warmup, start, lambda progress: 1 + (end - 1) * min(progress, 1)
    )


def cosine(optimizer: Optimizer, steps: int, end: float) -> LRScheduler:
    """Cosine decay from the optimizer's rate to ``end`` times it (Loshchilov & Hutter 2017)."""
    return LambdaLR(optimizer, lambda step: _cosine(1, end, step / max(1, steps - 1)))


def plateau(
    optimizer: Optimizer,
    steps: int,  # noqa: ARG001
    factor: float,
    patience: int,
) -> ReduceLROnPlateau:
    """Multiply the rate by ``factor`` after ``patience`` epochs without a better loss."""
    return ReduceLROnPlateau(optimizer, mode="min", factor=factor, patience=patience)


def constant(optimizer: Optimizer, steps: int) -> LRScheduler:  # noqa: ARG001
    """The optimizer's rate, unchanged."""
    return LambdaLR(optimizer, lambda _: 1.0)


def _warmed_up(
    optimizer: Optimizer, steps: int, warmup: float, start: float, decay: Callable[[float], float]
) -> LRScheduler:
    """Linear warm-up, then the factor that ``decay`` gives for the progress, from 0 to 1."""
    rising = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        if step < rising:
            return start + (1 - start) * step / rising
        return decay((step - rising) / max(1, steps - 1 - rising))

    return LambdaLR(optimizer, factor)


def _cosine(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1))) / 2
