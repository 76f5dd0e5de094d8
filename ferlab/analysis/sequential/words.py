"""What a look came to, in words that follow from its numbers."""

from ferlab.analysis.comparison.verdict import Verdict, numbers_in_words
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.text import join_words


def plan_in_words(plan: LookPlan) -> str:
    """``looks at 5, 10, 15 and 20 seeds, at 5 % together; 1 point would matter``."""
    looks, together = ("looks", " together") if len(plan.looks) > 1 else ("one look", "")
    seeds = join_words(map(str, plan.looks))
    level = f"{100 * plan.alpha:g} %{together}"
    return f"{looks} at {seeds} seeds, at {level}; {worth_in_words(plan)} would matter"


def worth_in_words(plan: LookPlan) -> str:
    """``1 point``, ``0.5 points``."""
    worth = f"{100 * plan.worth:g}"
    return f"{worth} {'point' if worth == '1' else 'points'}"


def ruling_in_words(plan: LookPlan, look: int, ruling: Ruling) -> str:
    """The verdict and its numbers as a sentence without its full stop, in points of accuracy.

    Args:
        plan: of the comparison.
        look: which one it is, from 1.
        ruling: of the look on the arm.
    """
    low, high = ruling.interval
    numbers = numbers_in_words(ruling.estimate, ruling.level)
    numbers += f"; look {look} of {len(plan.looks)}, {plan.looks[look - 1]} seeds"
    match ruling.verdict:
        case None:
            return f"goes on: {numbers}"
        case Verdict.BETTER | Verdict.WORSE:
            return f"{ruling.verdict}: {numbers}"
        case Verdict.NO_DIFFERENCE:
            return f"{ruling.verdict} of {worth_in_words(plan)}: {numbers}"
    excluded = f"a gain above {100 * high:.2f} and a loss above {-100 * low:.2f} are excluded"
    return f"{ruling.verdict}{_why(plan, ruling)}: {numbers}; {excluded}"


def _why(plan: LookPlan, ruling: Ruling) -> str:
    """Why an arm was given up; empty where it was not."""
    if ruling.power is None:
        return ""
    if ruling.needs_images:
        return ", more seeds cannot settle it, more images could"
    called = f"{100 * ruling.power:.0f} %"
    return f", the rest of the plan would call a difference of {worth_in_words(plan)} in {called}"
