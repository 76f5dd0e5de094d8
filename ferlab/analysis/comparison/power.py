"""What a study could have seen."""

from scipy import optimize, special, stats

from ferlab.analysis.comparison.estimates import Estimate


def power(difference: float, estimate: Estimate, level: float = 0.05) -> float:
    """How often a two-sided t test shows a true difference.

    By the noncentral t distribution (Cohen 1988, Statistical Power Analysis for the Behavioral
    Sciences, chapter 2), whose square is a noncentral F and so counts both tails.

    Args:
        difference: the true one.
        estimate: whose error and degrees of freedom the test has.
        level: at which it rejects.
    """
    df = min(estimate.df, 1e6)  # beyond, t is normal
    threshold, shift = float(stats.t.isf(level / 2, df)), difference / estimate.error
    return 1 - float(special.ncfdtr(1, df, shift**2, threshold**2))


def smallest_difference(estimate: Estimate, level: float = 0.05, wanted: float = 0.8) -> float:
    """The smallest true difference that such a study shows as often as is wanted.

    Args:
        estimate: whose error and degrees of freedom the study has: they hold how many seeds and
            images there were and how far their differences spread.
        level: at which the test rejects.
        wanted: the power.
    """
    if not estimate.error:
        return 0.0
    unit = Estimate(0.0, 1.0, estimate.df)
    highest = 1.0
    while power(highest, unit, level) < wanted:
        highest *= 2
    found = optimize.brentq(lambda shift: power(shift, unit, level) - wanted, 0.0, highest)
    return float(found) * estimate.error
