import pytest

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.figure import looks_figure
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import plan_in_words, ruling_in_words
from tests.analysis.seen import collisions, texts, words

PLAN = LookPlan((5, 10, 15, 20))
LONG = "squeeze-excitation with reduction 16 at stages 1, 2 and 3, after dropout"
OPEN = Ruling(Estimate(0.004, 0.003, 4), 0.0125, None, 0.6)
LOOKS = [
    {"se r8": OPEN, LONG: Ruling(Estimate(0.03, 0.004, 8), 0.0125, Verdict.BETTER)},
    {"se r8": Ruling(Estimate(0.002, 0.002, 9), 0.0161, Verdict.NO_DIFFERENCE)},
]


def test_each_arm_is_shown_up_to_its_verdict() -> None:
    figure = looks_figure(PLAN, LOOKS, "no attention")
    assert {"se r8: no difference", "Look by look, against no attention"} <= set(texts(figure))
    assert "the band is within 1 point" in words(figure)
    (whole,) = figure.axes
    first, second = whole.child_axes
    for axes, shown in ((first, 2), (second, 1)):
        assert sum(line.get_marker() == "o" for line in axes.lines) == shown
    (low, high) = first.collections[0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx([100 * end for end in OPEN.interval])
    assert collisions(figure) == []


@pytest.mark.parametrize(
    ("look", "ruling", "told"),
    [
        (1, OPEN, "goes on: +0.40 points of accuracy, repeated interval −0.89 to +1.69, p = 0.253 "
            "(bound 0.0125); look 1 of 4, 5 seeds"),
        (2, LOOKS[1]["se r8"], "no difference of 1 point: +0.20 points of accuracy, repeated "
            "interval −0.39 to +0.79, p = 0.343 (bound 0.0161); look 2 of 4, 10 seeds"),
        (4, Ruling(Estimate(0.004, 0.005, 19), 0.0248, Verdict.UNSETTLED), "not settled: +0.40 "
            "points of accuracy, repeated interval −0.82 to +1.62, p = 0.434 (bound 0.0248); look "
            "4 of 4, 20 seeds; a gain above 1.62 and a loss above 0.82 are excluded"),
        (1, Ruling(Estimate(0.0, 0.008, 30), 0.0125, Verdict.FUTILE, 0.04), "futile, the rest of "
            "the plan would call a difference of 1 point in 4 %: 0.00 points of accuracy, repeated "
            "interval −2.13 to +2.13, p = 1.000 (bound 0.0125); look 1 of 4, 5 seeds; a gain above "
            "2.13 and a loss above 2.13 are excluded"),
    ],
)  # fmt: skip
def test_a_ruling_in_words(look: int, ruling: Ruling, told: str) -> None:
    assert ruling_in_words(PLAN, look, ruling) == told


def test_what_only_images_could_settle_says_so() -> None:
    ruling = Ruling(Estimate(0.0, 0.008, 30), 0.0125, Verdict.FUTILE, 0.04, needs_images=True)
    told = ruling_in_words(PLAN, 1, ruling)
    assert told.startswith("futile, more seeds cannot settle it, more images could: 0.00 points")


def test_a_plan_in_words() -> None:
    assert plan_in_words(PLAN) == (
        "looks at 5, 10, 15 and 20 seeds, at 5 % together; 1 point would matter"
    )
    assert plan_in_words(LookPlan((10,), worth=0.005)) == (
        "one look at 10 seeds, at 5 %; 0.5 points would matter"
    )
