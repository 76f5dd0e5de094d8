"""What is fixed before a comparison that is looked at more than once begins."""

from dataclasses import dataclass
from functools import cache

from scipy.stats import norm

from ferlab.analysis.comparison.seeded import FEWEST_FOR_A_VERDICT
from ferlab.analysis.sequential.bounds import critical_values
from ferlab.errors import EvidenceError


@dataclass(frozen=True)
class LookPlan:
    """When a comparison is looked at, and what it is to settle.

    Attributes:
        looks: seeds of each arm at each look, increasing.
        worth: smallest difference in accuracy that would matter, as a share: 0.01 is one point.
        alpha: two-sided level of all arms and looks together.

    Raises:
        EvidenceError: there is no such plan.
    """

    looks: tuple[int, ...]
    worth: float = 0.01
    alpha: float = 0.05

    def __post_init__(self) -> None:
        told = ",".join(map(str, self.looks))
        if not self.looks or sorted(set(self.looks)) != list(self.looks):
            raise EvidenceError(
                f"--looks {told}: seeds at each look must increase, as in 5,10,15,20"
            )
        if self.looks[0] < FEWEST_FOR_A_VERDICT:
            raise EvidenceError(
                f"--looks {told}: there is no verdict below {FEWEST_FOR_A_VERDICT} seeds"
            )
        if not 0 < self.worth < 1:
            raise EvidenceError(
                f"--worth {100 * self.worth:g}: points of accuracy are more than 0, less than 100"
            )

    @property
    def most(self) -> int:
        """Seeds at the last look."""
        return self.looks[-1]

    def levels(self, arms: int) -> tuple[float, ...]:
        """The bound of p at each look, for one of so many arms.

        Up to a look with N of the plan's N_max seeds ``alpha / arms * N / N_max`` is spent, the
        linear family of Kim & DeMets (1987, Biometrika 74:149-154).

        Args:
            arms: how many have not been called better or worse: each that is leaves its level to
                the others (Maurer & Bretz 2013, Statistics in Biopharmaceutical Research
                5:311-320).
        """
        return _levels(self.looks, self.alpha / arms)


@cache
def _levels(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    information = [seeds / looks[-1] for seeds in looks]
    bounds = critical_values(information, [alpha * share for share in information])
    return tuple(float(2 * norm.sf(bound)) for bound in bounds)
