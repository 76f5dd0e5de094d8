"""Configurations compared by region: paired, over seeds and images, with Holm's steps."""

import numpy as np
import pytest

from ferlab.analysis.comparison.estimates import mean_squares
from ferlab.analysis.regions import figures, words
from ferlab.analysis.regions.compare import RegionComparison, compare_regions
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.seeded import REGIONS, SeededRegions
from ferlab.errors import EvidenceError

SEEDS, IMAGES = 6, 400
AREAS = np.broadcast_to([0.12, 0.08, 0.06, 0.12, 0.62], (IMAGES, len(REGIONS)))
EYES = REGIONS.index("eyes")


def arm(name: str, seeds: int = SEEDS, **more: float) -> SeededRegions:
    """A configuration whose attribution lies on regions by their area, and some points more.

    Seeds and images are alike for all configurations: only pairing finds differences of a point.
    """
    alike = np.random.default_rng(0)
    noise = alike.normal(0, 0.1, (SEEDS, IMAGES, len(REGIONS))) + alike.normal(
        0, 0.1, (SEEDS, 1, 1)
    )
    own = np.random.default_rng(len(name)).normal(0, 0.02, noise.shape)
    extra = np.array([more.get(region, 0.0) for region in REGIONS])
    shares = AREAS + noise + own + extra
    right = alike.random((SEEDS, IMAGES, 1)) < 0.3
    drops = right & (np.random.default_rng(1).random(noise.shape) < 0.3 + 5 * extra)
    return SeededRegions(
        name, tuple(range(2, 2 + seeds)), shares[:seeds], drops.astype(np.float64)[:seeds]
    )


@pytest.fixture(scope="module")
def arms() -> list[SeededRegions]:
    return [arm("none"), arm("se r4", eyes=0.012, mouth=-0.008), arm("eca", seeds=5)]


@pytest.fixture(scope="module")
def compared(arms: list[SeededRegions]) -> RegionComparison:
    return compare_regions(arms, AREAS, worth=0.01)


def test_a_share_is_told_beside_the_area(
    compared: RegionComparison, arms: list[SeededRegions]
) -> None:
    assert compared.areas == pytest.approx(dict(zip(REGIONS, AREAS[0], strict=True)))
    use = compared.uses["se r4"]["eyes"]
    assert use.share.value == pytest.approx(arms[1].shares[:, :, EYES].mean())
    assert use.excess.value == pytest.approx(use.share.value - 0.08)
    assert use.drop.value == pytest.approx(arms[1].drops[:, :, EYES].mean())


def test_differences_are_paired_by_seed_and_image(
    compared: RegionComparison, arms: list[SeededRegions]
) -> None:
    eyes = compared.differences["se r4"]["eyes"].share
    paired = (arms[1].shares - arms[0].shares)[:, :, EYES]
    assert eyes.estimate == mean_squares(paired).estimate
    assert eyes.estimate.error < compared.uses["se r4"]["eyes"].share.error / 5
    fewer = compared.differences["eca"]["eyes"].share
    assert (
        fewer.estimate == mean_squares((arms[2].shares - arms[0].shares[:5])[:, :, EYES]).estimate
    )


def test_regions_and_configurations_share_the_level_by_holms_steps(
    compared: RegionComparison,
) -> None:
    ruled = [each.share for regions in compared.differences.values() for each in regions.values()]
    ruled.sort(key=lambda ruling: ruling.estimate.p)
    called = sum(map(words.is_called, ruled))
    assert called == 2
    steps = [0.05 / max(len(ruled) - i, len(ruled) - called) for i in range(len(ruled))]
    assert [ruling.level for ruling in ruled] == pytest.approx(steps, rel=1e-3)
    told = {
        (name, region): words.came_to(each.share, compared.plan)
        for name, regions in compared.differences.items()
        for region, each in regions.items()
    }
    assert told.pop(("se r4", "eyes")) == "more"
    assert told.pop(("se r4", "mouth")) == "less"
    assert set(told.values()) == {"no difference of 1 point"}


def test_other_seeds_are_refused() -> None:
    with pytest.raises(EvidenceError, match="'se' and 'none' cannot be compared"):
        other = arm("se")
        compare_regions(
            [arm("none"), SeededRegions("se", (7, 8, 9, 10, 11, 12), other.shares, other.drops)],
            AREAS,
            0.01,
        )


def test_figures_show_every_configuration_and_region(compared: RegionComparison) -> None:
    measured = MeasuredRegions(
        "attention", "saliency", "validation", 3589, IMAGES, 3, "found by MTCNN", 0, compared
    )
    for figure, arms in (
        (figures.uses_figure(measured), list(compared.uses)),
        (figures.differences_figure(measured), list(compared.differences)),
    ):
        whole = figure.axes[0]
        assert whole.get_legend_handles_labels()[1] == arms
        for panel in whole.child_axes:
            places = [line.get_ydata()[0] for line in panel.lines if line.get_marker() == "o"]
            assert len(set(places)) == len(arms) * len(REGIONS)
    texts = list(words.sentences(measured))
    assert "With se r4, the eyes get 1.15 points more of the attribution (95 % inter" in texts[1]
    assert "covering the mouth 1.17 points less of it (95 % interval −1.84 to −0.49, no" in texts[1]
    assert "3 more images were left out, in which no face was found" in words.how(measured)
