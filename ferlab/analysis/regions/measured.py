"""What was measured of a confirmation's networks, region by region, and how."""

from dataclasses import dataclass

from ferlab.analysis.regions.compare import RegionComparison

FOLDER = "regions"
"""Where the confirmation's run keeps what was measured."""


@dataclass(frozen=True)
class MeasuredRegions:
    """The regions that the networks of a confirmation go by.

    Attributes:
        study: name of the search that it confirmed.
        method: of attribution.
        split: whose images were taken, in a word.
        of: how many it has.
        images: how many were measured.
        without: how many more would have been, but nobody knows where the parts of the face lie.
        source: how that is known of the others, in a few words.
        flat: how many maps were 0 everywhere, over all networks.
        comparison: of the configurations.
    """

    study: str
    method: str
    split: str
    of: int
    images: int
    without: int
    source: str
    flat: int
    comparison: RegionComparison

    @property
    def method_name(self) -> str:
        """The method as a person writes it."""
        return self.method.replace("_", " ")
