"""Configurations compared by the regions of the face that they go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferlab.analysis.classification import Floats
from ferlab.analysis.comparison.estimates import Estimate, mean_squares, over_seeds_and_images
from ferlab.analysis.regions.seeded import REGIONS, SeededRegions
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling, rule
from ferlab.errors import EvidenceError


@dataclass(frozen=True)
class RegionUse:
    """How one configuration goes by one region.

    Attributes:
        share: of the attribution.
        excess: by how much that is more than the region's share of the area.
        drop: in accuracy, when the region is covered.
    """

    share: Estimate
    excess: Estimate
    drop: Estimate


@dataclass(frozen=True)
class RegionDifference:
    """By how much more than the baseline one configuration goes by one region.

    Attributes:
        share: of the attribution.
        drop: in accuracy.
    """

    share: Ruling
    drop: Ruling


@dataclass(frozen=True)
class RegionComparison:
    """All configurations of a study, and the first of them against each other one.

    Attributes:
        areas: the share of the images that each region covers, by region.
        seeds: of each configuration, by name; the baseline's come first.
        uses: of each region by each configuration, by name and region.
        differences: of all but the baseline, by name and region.
        plan: by which the differences were judged.
    """

    areas: Mapping[str, float]
    seeds: Mapping[str, tuple[int, ...]]
    uses: Mapping[str, Mapping[str, RegionUse]]
    differences: Mapping[str, Mapping[str, RegionDifference]]
    plan: LookPlan

    @property
    def baseline(self) -> str:
        """Its name."""
        return next(iter(self.uses))


def compare_regions(arms: Sequence[SeededRegions], areas: Floats, worth: float) -> RegionComparison:
    """Compare configurations to the first of them, region by region, for other seeds and images.

    The tests of all configurations and regions share 5 % by Holm's steps: those of the attribution
    and those of accuracy each.

    Args:
        arms: the baseline and the others, each under the baseline's first seeds.
        areas: the share of each image that each region covers, shape (n, r).
        worth: smallest difference that would matter, as a share.

    Raises:
        EvidenceError: seeds do not match, or are fewer than 5.
    """
    baseline, *others = arms
    for arm in others:
        if arm.seeds != baseline.seeds[: len(arm.seeds)]:
            raise EvidenceError(
                f"'{arm.name}' and '{baseline.name}' cannot be compared: they have other seeds"
            )
    plan = LookPlan((len(baseline.seeds),), worth)
    shares = _rulings(plan, [(arm, arm.shares, baseline.shares) for arm in others])
    drops = _rulings(plan, [(arm, arm.drops, baseline.drops) for arm in others])
    return RegionComparison(
        areas=dict(zip(REGIONS, areas.mean(axis=0).tolist(), strict=True)),
        seeds={arm.name: arm.seeds for arm in arms},
        uses={arm.name: _uses(arm, areas) for arm in arms},
        differences={
            arm.name: {
                region: RegionDifference(shares[arm.name][region], drops[arm.name][region])
                for region in REGIONS
            }
            for arm in others
        },
        plan=plan,
    )


def _uses(arm: SeededRegions, areas: Floats) -> dict[str, RegionUse]:
    return {
        region: RegionUse(
            over_seeds_and_images(arm.shares[:, :, r]),
            over_seeds_and_images(arm.shares[:, :, r] - areas[:, r]),
            over_seeds_and_images(arm.drops[:, :, r]),
        )
        for r, region in enumerate(REGIONS)
    }


def _rulings(
    plan: LookPlan, pairs: Sequence[tuple[SeededRegions, Floats, Floats]]
) -> dict[str, dict[str, Ruling]]:
    """Of each arm and region, by what the arm and the baseline have in it, (s, n, r) each."""
    found = {
        (arm.name, region): mean_squares((mine - its[: len(mine)])[:, :, r])
        for arm, mine, its in pairs
        for r, region in enumerate(REGIONS)
    }
    ruled = rule(plan, 1, found, len(found))
    return {
        arm.name: {region: ruled[arm.name, region] for region in REGIONS} for arm, _, _ in pairs
    }
