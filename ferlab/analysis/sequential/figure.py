"""The picture of the looks: a pure function to a `matplotlib.figure.Figure`, without pyplot."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import worth_in_words
from ferlab.figure_style import BLUE, DASHED, EDGE, FAINT, RULE, VERMILION, WIDTH, canvas, styled
from ferlab.text import shorten

_HIGH, _GAP = 1.45, 0.5
"""Inches of an arm's panel, and of what stands above it."""


@styled
def looks_figure(plan: LookPlan, looks: Sequence[Mapping[str, Ruling]], baseline: str) -> Figure:
    """Each arm's estimate and repeated interval by look, against its bounds and what matters.

    Args:
        plan: of the comparison.
        looks: the rulings of each look on the arms that had no verdict before, by name.
        baseline: its name.
    """
    arms = list(looks[0])
    title = f"Look by look, against {shorten(baseline, 34)}"
    note = (
        "difference in accuracy in points, and its repeated interval; between the grey bounds it "
        f"is not called; the band is within {worth_in_words(plan)}"
    )
    step = _HIGH + _GAP
    height = step * len(arms)
    figure, whole = canvas(title, note, WIDTH, height, left=0.55, bottom=0.5, top=0.45)
    whole.set_axis_off()
    for place, arm in enumerate(arms):
        bottom = (height - step * (place + 1)) / height
        axes = whole.inset_axes((0, bottom, 1, _HIGH / height))
        _draw_arm(axes, plan, arm, [look[arm] for look in looks if arm in look])
    axes.set_xlabel("seeds")
    return figure


def _draw_arm(axes: Axes, plan: LookPlan, arm: str, rulings: Sequence[Ruling]) -> None:
    """The looks at one arm."""
    seeds, worth = plan.looks[: len(rulings)], 100 * plan.worth
    axes.axhspan(-worth, worth, color=RULE, alpha=0.6, linewidth=0)
    axes.axhline(0, **DASHED)
    bounds = [100 * _bound(ruling) for ruling in rulings]
    for sign in (-1, 1):
        axes.plot(seeds, [sign * bound for bound in bounds], "_-", color=EDGE, ms=14, linewidth=1)
    for at, ruling in zip(seeds, rulings, strict=True):
        colour = {Verdict.BETTER: BLUE, Verdict.WORSE: VERMILION}.get(ruling.verdict, FAINT)  # type: ignore[arg-type]
        low, high = ruling.interval
        axes.vlines(at, 100 * low, 100 * high, color=colour, linewidth=1.6)
        axes.plot(at, 100 * ruling.estimate.value, "o", color=colour, ms=6)
    last = rulings[-1].verdict
    axes.set_title(f"{shorten(arm, 50)}: {last or 'goes on'}", size=9, loc="left")
    axes.set_xticks(plan.looks)
    axes.set_xlim(plan.looks[0] - 1.5, plan.most + 1.5)
    axes.tick_params(length=0)


def _bound(ruling: Ruling) -> float:
    """How far from zero an estimate of this error is called, as a share."""
    estimate = ruling.estimate
    return float(stats.t.isf(ruling.level / 2, estimate.df)) * estimate.error
