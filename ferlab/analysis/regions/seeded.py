"""What one configuration goes by under several seeds."""

from dataclasses import dataclass

from ferlab.analysis.classification import Floats

REGIONS = ("brows", "eyes", "nose", "mouth", "rest")
"""Of an image; the last one is cheeks, hair, and whatever is around the face."""


@dataclass(frozen=True, eq=False)
class SeededRegions:
    """The regions that the runs of one configuration go by, r of them, on the same n images.

    Attributes:
        name: of the configuration, as a reader knows it.
        seeds: of the runs, s of them, all different.
        shares: of each image's attribution, shape (s, n, r).
        drops: 1 where an image is read correctly only as long as the region is not covered, -1
            where only if it is, else 0; shape (s, n, r).
    """

    name: str
    seeds: tuple[int, ...]
    shares: Floats
    drops: Floats
