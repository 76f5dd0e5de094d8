"""What a comparison comes to, in words that follow from its numbers by one rule."""

from enum import StrEnum

from ferlab.analysis.comparison.estimates import Estimate

LEVEL = 0.05
"""At which the primary test rejects; intervals are at 1 - LEVEL."""


class Verdict(StrEnum):
    """On one arm against the baseline."""

    BETTER = "better"
    WORSE = "worse"
    UNSEEN = "no difference that this study could see"


def judge(estimate: Estimate, p: float) -> Verdict:
    """The rule: better or worse where p is below 0.05, and otherwise no difference was seen.

    The test is the one of `ferlab.analysis.comparison.paired.difference` in accuracy, and no other
    number has a say. Its 95 % interval lies then on the same side of zero as the difference.

    Args:
        estimate: the difference in accuracy.
        p: of no difference, adjusted for all comparisons of the study.
    """
    if p >= LEVEL:
        return Verdict.UNSEEN
    return Verdict.BETTER if estimate.value > 0 else Verdict.WORSE


def in_words(estimate: Estimate, p: float, smallest: float, comparisons: int = 1) -> str:
    """The verdict as a sentence without its full stop, in points of accuracy.

    Args:
        estimate: the difference in accuracy.
        p: of no difference, adjusted for all comparisons of the study.
        smallest: the smallest true difference that it would have shown 4 times in 5.
        comparisons: how many the study makes.
    """
    low, high = estimate.interval(1 - LEVEL)
    numbers = f"{points(estimate.value)} points of accuracy, 95 % interval {points(low)} to "
    numbers += f"{points(high)}, {p_in_words(p)}"
    if comparisons > 1:
        numbers += f" adjusted for {comparisons} comparisons"
    verdict = judge(estimate, p)
    if verdict is not Verdict.UNSEEN:
        return f"{verdict}: {numbers}"
    if not estimate.error:
        return f"{verdict}: the accuracy is the same in every run"
    return f"{verdict} (it could have seen {100 * smallest:.2f} points): {numbers}"


def points(share: float) -> str:
    """A difference of shares in points, with its sign: 0.0123 is ``+1.23``."""
    text = f"{100 * share:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")


def p_in_words(p: float) -> str:
    """``p = 0.012``, or ``p < 0.001``."""
    return f"p = {p:.3f}" if p >= 0.0005 else "p < 0.001"
