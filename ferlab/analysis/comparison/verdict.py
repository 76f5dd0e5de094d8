"""What a comparison comes to, by one rule from its numbers, and those numbers in words."""

from enum import StrEnum

from ferlab.analysis.comparison.estimates import Estimate


class Verdict(StrEnum):
    """On one arm against the baseline."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    """None that would matter: as certain as the other two."""
    FUTILE = "futile"
    """Given up: more seeds would hardly have called it."""
    UNSETTLED = "not settled"
    """Neither, when all was trained that was planned."""


def judge(estimate: Estimate, level: float, worth: float) -> Verdict | None:
    """Better or worse where p is below its bound; no different where none that matters is left.

    The test is the one of `ferlab.analysis.comparison.paired.difference` in accuracy, and no other
    number has a say. The interval at the same level lies on the same side of zero as the
    difference, or within what matters.

    Args:
        estimate: the difference in accuracy.
        level: bound of its p.
        worth: smallest difference that would matter, as a share of the images.

    Returns:
        None where it could be called either way.
    """
    if estimate.p < level:
        return Verdict.BETTER if estimate.value > 0 else Verdict.WORSE
    low, high = estimate.interval(1 - level)
    return Verdict.NO_DIFFERENCE if -worth < low and high < worth else None


def numbers_in_words(estimate: Estimate, level: float) -> str:
    """A difference, its interval at a level, and its p beside that bound, in points of accuracy."""
    low, high = estimate.interval(1 - level)
    return (
        f"{points(estimate.value)} points of accuracy, repeated interval {points(low)} to "
        f"{points(high)}, {p_in_words(estimate.p)} (bound {level:.4f})"
    )


def points(share: float) -> str:
    """A difference of shares in points, with its sign: 0.0123 is ``+1.23``."""
    text = f"{100 * share:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")


def p_in_words(p: float) -> str:
    """``p = 0.012``, or ``p < 0.001``."""
    return f"p = {p:.3f}" if p >= 0.0005 else "p < 0.001"


def with_interval(estimate: Estimate, level: float = 0.05) -> str:
    """A difference in points with its interval, as in a table's cell."""
    low, high = estimate.interval(1 - level)
    return f"{points(estimate.value)} ({points(low)} to {points(high)})"


def p_in_a_cell(p: float) -> str:
    """A p below a header that says so."""
    return p_in_words(p).removeprefix("p = ").removeprefix("p ")
