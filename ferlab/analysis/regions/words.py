"""What was measured of regions, in sentences and in the rows of tables."""

from collections.abc import Iterator

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.verdict import Verdict, p_in_a_cell, points, with_interval
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import worth_in_words
from ferlab.text import join_words

USES = (
    "configuration",
    "region",
    "area",
    "attribution",
    "beyond its area, points",
    "lost if covered, points",
)
"""Header of `use_rows`."""

DIFFERENCES = (
    "configuration",
    "region",
    "attribution, points",
    "p",
    "bound",
    "came to",
    "lost if covered, points",
    "p",
    "bound",
    "came to",
)
"""Header of `difference_rows`."""


def is_called(ruling: Ruling) -> bool:
    """Whether there is a difference, one way or the other."""
    return ruling.verdict in (Verdict.BETTER, Verdict.WORSE)


def came_to(ruling: Ruling, plan: LookPlan) -> str:
    """What a test came to: ``more``, ``less``, ``no difference of 1 point`` or ``not settled``."""
    match ruling.verdict:
        case Verdict.BETTER:
            return "more"
        case Verdict.WORSE:
            return "less"
        case Verdict.NO_DIFFERENCE:
            return f"{ruling.verdict} of {worth_in_words(plan)}"
    return str(ruling.verdict)


def sentences(measured: MeasuredRegions) -> Iterator[str]:
    """What eyes and mouth are to the baseline, and what to each other configuration.

    They are what attention is most often said to give more weight to.
    """
    found = measured.comparison
    base, areas = found.uses[found.baseline], found.areas
    eyes, mouth = base["eyes"], base["mouth"]
    yield (
        f"With {found.baseline}, {_percent(eyes.share.value)} of the attribution lies on the eyes "
        f"({_percent(areas['eyes'])} of the area) and {_percent(mouth.share.value)} on the mouth "
        f"({_percent(areas['mouth'])} of the area); covering the eyes costs {_cost(eyes.drop)}, "
        f"and covering the mouth {_cost(mouth.drop)}."
    )
    for arm, regions in found.differences.items():
        on_eyes, on_mouth = regions["eyes"], regions["mouth"]
        yield (
            f"With {arm}, the eyes get {_more(on_eyes.share, found.plan, 'the attribution')}, and "
            f"the mouth {_more(on_mouth.share, found.plan, 'it')}; covering the eyes costs "
            f"{_more(on_eyes.drop, found.plan, 'accuracy')}, and covering the mouth "
            f"{_more(on_mouth.drop, found.plan, 'it')}."
        )


def use_rows(measured: MeasuredRegions) -> list[list[str]]:
    """A row for each configuration and region."""
    areas = measured.comparison.areas
    return [
        [
            arm,
            region,
            _percent(areas[region]),
            _percent(use.share.value),
            with_interval(use.excess),
            with_interval(use.drop),
        ]
        for arm, regions in measured.comparison.uses.items()
        for region, use in regions.items()
    ]


def difference_rows(measured: MeasuredRegions) -> list[list[str]]:
    """A row for each configuration but the baseline, and region."""
    found = measured.comparison
    return [
        [arm, region, *_cells(both.share, found.plan), *_cells(both.drop, found.plan)]
        for arm, regions in found.differences.items()
        for region, both in regions.items()
    ]


def how(measured: MeasuredRegions) -> str:
    """How all was measured, in sentences."""
    seeds = {len(each) for each in measured.comparison.seeds.values()}
    told = [
        f"{measured.images:,} of {measured.of:,} {measured.split} images, the same for each "
        f"network; {join_words(str(n) for n in sorted(seeds))} seeds.",
        f"Where the parts of a face lie is {measured.source}"
        + (f"; {measured.without:,} more images were left out, in which no face was found."
           if measured.without else "."),
        f"Attribution is by {measured.method_name}, of the class that the network takes an image "
        "for. What is covered gets the image's mean grey.",
    ]  # fmt: skip
    if measured.flat:
        told.append(f"{measured.flat:,} maps were 0 everywhere; they count as spread evenly.")
    return " ".join(told)


def _cells(ruling: Ruling, plan: LookPlan) -> list[str]:
    estimate = ruling.estimate
    return [
        with_interval(estimate),
        p_in_a_cell(estimate.p),
        f"{ruling.level:.4f}",
        came_to(ruling, plan),
    ]


def _more(ruling: Ruling, plan: LookPlan, what: str) -> str:
    """``0.31 points more of it (95 % interval −0.02 to +0.64, not settled)``."""
    estimate = ruling.estimate
    low, high = estimate.interval()
    way = "more" if estimate.value > 0 else "less"
    told = "beyond chance" if is_called(ruling) else came_to(ruling, plan)
    return (
        f"{abs(100 * estimate.value):.2f} points {way} of {what} (95 % interval {points(low)} to "
        f"{points(high)}, {told})"
    )


def _cost(drop: Estimate) -> str:
    low, high = drop.interval()
    return f"{100 * drop.value:.2f} points of accuracy ({points(low)} to {points(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
