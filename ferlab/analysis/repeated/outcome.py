"""Which configurations win, and what they are worth under seeds that no search knew."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ferlab.analysis.comparison.estimates import Estimate, over_seeds
from ferlab.analysis.comparison.seeded import FEWEST
from ferlab.study.params import Params, Value, identity


@dataclass(frozen=True)
class RepeatedSearch:
    """One of the searches. All scores are in the study's first objective.

    Attributes:
        study: its name.
        winner: name of the configuration that it found best; it says if that is the baseline.
        params: of that configuration.
        selected: the score for which it was chosen.
        seed: the fresh one.
        fresh: the winner's score under the fresh seed.
        baseline: the baseline's score under the same; the winner's own where it is the baseline;
            None where the study declared none.
    """

    study: str
    winner: str
    params: Params
    selected: float
    seed: int
    fresh: float
    baseline: float | None


@dataclass(frozen=True)
class Scores:
    """Some score of every search.

    Attributes:
        values: one for each, in their order.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the searches."""
        return float(np.mean(self.values))

    @cached_property
    def estimate(self) -> Estimate | None:
        """The mean for other searches, by Student's t; None for fewer than 3."""
        return over_seeds(np.array(self.values)) if len(self.values) >= FEWEST else None


@dataclass(frozen=True)
class Outcome:
    """All searches together.

    Attributes:
        objective: name of what they are scored by.
        searches: in their order.
    """

    objective: str
    searches: tuple[RepeatedSearch, ...]

    @property
    def wins(self) -> list[tuple[RepeatedSearch, int]]:
        """The first search that found each winner, and how many did; the most frequent first."""
        firsts = {identity(search.params): search for search in reversed(self.searches)}
        counts = Counter(identity(search.params) for search in self.searches)
        return [(firsts[key], count) for key, count in counts.most_common()]

    @property
    def selected(self) -> Scores:
        """The scores for which the winners were chosen, and which are too good for that."""
        return Scores(tuple(search.selected for search in self.searches))

    @property
    def fresh(self) -> Scores:
        """What the searches found is worth: the winners under fresh seeds."""
        return Scores(tuple(search.fresh for search in self.searches))

    @property
    def optimism(self) -> Scores:
        """Selected less fresh."""
        return Scores(tuple(search.selected - search.fresh for search in self.searches))

    @property
    def gain(self) -> Scores | None:
        """Fresh less the baseline's under the same seed; None where there is no baseline."""
        pairs = [(s.fresh, s.baseline) for s in self.searches if s.baseline is not None]
        return Scores(tuple(fresh - baseline for fresh, baseline in pairs)) if pairs else None


def values_by_key(searches: Sequence[RepeatedSearch]) -> dict[str, list[Value]]:
    """Of each parameter, its values in the winners that have it, by key."""
    keys = dict.fromkeys(key for search in searches for key in search.params)
    return {key: [s.params[key] for s in searches if key in s.params] for key in keys}
