"""What plans of several looks come to, counted over simulated studies.

Each test prints its rates (``pytest -s``). A rate must lie where 998 of 1,000 such counts do if
the rate is as stated.
"""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from ferlab.analysis.comparison.estimates import mean_squares
from ferlab.analysis.comparison.scores import contributions
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import rule
from tests.analysis.simulated import Truth

pytestmark = pytest.mark.slow

PLAN = LookPlan((5, 10, 15, 20))
CALLED = (Verdict.BETTER, Verdict.WORSE)
SAME_VIEW = Truth(PLAN.most, seed_spread=0.0, view=0.0, classes=2, bias=1.2)
"""70 % are read; arms differ by nothing but their gain, and a run by luck with its images."""


@dataclass(frozen=True)
class Arm:
    verdict: Verdict
    seeds: int


def confirmed(base: SeededPredictions, arms: list[SeededPredictions]) -> list[Arm]:
    """How a confirmation of these arms would have ended, look by look."""
    right = contributions("accuracy", base)
    live = {arm.name: contributions("accuracy", arm) - right for arm in arms}
    ended: dict[str, Arm] = {}
    uncalled = len(arms)
    for look, seeds in enumerate(PLAN.looks, 1):
        found = {name: mean_squares(values[:seeds]) for name, values in live.items()}
        for name, ruling in rule(PLAN, look, found, uncalled).items():
            if ruling.verdict is not None:
                ended[name] = Arm(ruling.verdict, seeds)
                uncalled -= ruling.verdict in CALLED
                del live[name]
        if not live:
            break
    return list(ended.values())


@pytest.mark.parametrize(
    ("points", "seeds", "called"),
    [(0.0, 10.2, 0.027), (0.5, 12.1, 0.56), (1.0, 8.8, 0.996), (2.0, 5.5, 1.0)],
)
def test_seeds_and_verdicts_by_the_true_difference(
    points: float, seeds: float, called: float
) -> None:
    def miss(gain: float) -> float:
        return replace(SAME_VIEW, gain=gain).difference("accuracy") - points / 100

    truth = replace(SAME_VIEW, gain=brentq(miss, -0.1, 1))
    studies = 500
    ended = [confirmed(base, [arm])[0] for base, arm in truth.studies(studies, seed=11)]
    mean = sum(arm.seeds for arm in ended) / studies
    verdicts = Counter(arm.verdict for arm in ended)
    counted = sum(verdicts[verdict] for verdict in CALLED)
    shares = ", ".join(f"{verdict} {n / studies:.1%}" for verdict, n in verdicts.most_common())
    print(f"  truth {points:.1f} points: {mean:.1f} seeds; {shares}")  # noqa: T201
    low, high = binom.interval(0.998, studies, called)
    assert low <= counted <= high
    assert mean == pytest.approx(seeds, abs=0.6)


@pytest.mark.parametrize(
    ("arms", "view", "seed_spread"),
    [
        (1, 0.0, 0.0),
        (1, 0.0, 0.01),
        (1, 0.5, 0.005),
        (1, 1.0, 0.0),
        (3, 0.0, 0.005),
        (3, 0.5, 0.005),
        (5, 0.0, 0.005),
    ],
)
def test_of_arms_that_are_the_same_5_percent_of_studies_call_any(
    arms: int, view: float, seed_spread: float
) -> None:
    truth = replace(SAME_VIEW, view=view, seed_spread=seed_spread)
    studies = 1600 // (1 + arms)
    ended = [confirmed(base, found) for base, *found in truth.studies(studies, arms, seed=12)]
    false = sum(any(arm.verdict in CALLED for arm in study) for study in ended)
    shape = f"{arms} arms, seeds {100 * seed_spread:.1f} points apart, views {view:.1f} apart"
    print(f"  {shape}: any is called in {false / studies:.1%} of {studies}")  # noqa: T201
    assert false <= binom.ppf(0.999, studies, 0.05)
