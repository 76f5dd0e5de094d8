"""The conditions under which two runs that are not identical are equivalent, each tested by itself.

A learning rate that is another shows in the rates, another loss or step in the first losses, before
rounding has grown; and what training came to in the paired difference in accuracy.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ferlab.analysis.comparison.verdict import points
from ferlab.analysis.equivalence import LEVEL, Interval
from ferlab.reproduce.run_comparison import RunComparison

MARGIN = 0.01
"""Default of the largest difference in accuracy that is none: 1 point."""

_STEPS = (2, 3)
_STEPS_CLOSE = 1e-4
"""Largest difference of the losses of these steps, or share of them, where only rounding differs.

By another instruction set or thread count that of `compact` differs by 1e-5; that of `vgg`, whose
first steps are too large for it, by 0.07: no proof of anything else.
"""

_EPOCH_CLOSE = 0.01
"""Largest share by which the training loss of epoch 1 differs, where only rounding differs."""


class Condition(NamedTuple):
    """One condition on two runs.

    Attributes:
        holds: whether it is met.
        text: what was found.
    """

    holds: bool
    text: str


def conditions(found: RunComparison, margin: float = MARGIN) -> Iterator[Condition]:
    """All of them, for one run and one that reproduces it.

    Args:
        found: the two runs' results.
        margin: largest difference in accuracy that is none, as a share of the images.
    """
    yield from began_alike(found)
    if found.images:
        yield accuracy_inside(found.accuracy, found.accuracy_interval(), margin)
    else:
        yield Condition(False, "there are no predictions of both")


def began_alike(found: RunComparison) -> Iterator[Condition]:
    """The same learning rates, and about the same losses in steps 2 and 3 and in epoch 1."""
    yield _same_rates(found)
    if found.steps.keys() >= set(_STEPS):
        pairs = [found.steps[step] for step in _STEPS]
        apart = max(pair.size for pair in pairs)
        if all(min(pair.size, pair.share) <= _STEPS_CLOSE for pair in pairs):
            yield Condition(True, f"losses of steps 2 and 3 within {apart:.2g}")
        else:
            text = f"the losses of steps 2 and 3 differ by {apart:.2g}, more than {_STEPS_CLOSE:g}"
            yield Condition(False, text)
    else:
        yield Condition(False, "the losses of steps 2 and 3 are not recorded by both")

    if (mean := found.first_epoch) is None:
        yield Condition(False, "the training loss of epoch 1 is not recorded by both")
    elif mean.share <= _EPOCH_CLOSE:
        yield Condition(True, f"training loss of epoch 1 within {100 * mean.share:.2g} %")
    else:
        text = f"the training loss of epoch 1 differs by {100 * mean.share:.2g} %, more than 1 %"
        yield Condition(False, text)


def accuracy_inside(value: float, interval: Interval, margin: float) -> Condition:
    """Whether the interval of the difference in accuracy is inside the margin."""
    low, high = interval
    holds = -margin < low and high < margin
    return Condition(
        holds,
        f"accuracy {points(value)} points, {100 * LEVEL:.0f} % interval {points(low)} to "
        f"{points(high)}, {'' if holds else 'not '}inside ±{100 * margin:g}",
    )


def _same_rates(found: RunComparison) -> Condition:
    if (rate := found.parted_rate()) is not None:
        return Condition(False, f"the learning rate parted at epoch {rate.epoch}, {rate}")
    if not found.rates:
        return Condition(False, "the learning rates are not recorded by both")
    if found.epochs[0] != found.epochs[1]:
        return Condition(False, "they stopped at different epochs")
    return Condition(True, "the same learning rates")
