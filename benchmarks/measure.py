"""What every benchmark shares: rounds in turn, medians, and a home that vanishes."""

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrialRow:
    """One line of the results.

    Attributes:
        what: was measured.
        against: what it is compared with.
        ratio: median over rounds of ours / theirs, as measured side by side.
        spread: smallest and largest ratio of a round.
        ours, theirs: medians, in ``unit``.
        goal: what the ratio should be.
    """

    what: str
    against: str
    ratio: float
    spread: tuple[float, float]
    ours: float
    theirs: float
    unit: str
    goal: str

    def markdown(self) -> str:
        """The row of a table."""
        low, high = self.spread
        return (
            f"| {self.what} | {self.against} | **{self.ratio:.3g}** ({low:.3g}-{high:.3g}) | "
            f"{self.ours:.3g} / {self.theirs:.3g} {self.unit} | {self.goal} |"
        )


HEADER = "| what | against | ratio, median (range) | ours / theirs | goal |\n| --- | --- | --- | --- | --- |"


def compare(
    what: str,
    against: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    unit: str,
    goal: str,
    rounds: int = 3,
) -> TrialRow:
    """Measure the two in turn, so that a drift of the machine meets both."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    spread = min(ratios), max(ratios)
    return TrialRow(what, against, statistics.median(ratios), spread, mine, other, unit, goal)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that holds ferlab's home, store and cache for the while."""
    names = ("FERLAB_HOME", "FERLAB_CACHE", "MLFLOW_TRACKING_URI")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="ferlab-benchmark-") as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["FERLAB_HOME"] = f"{folder}/home"
        os.environ["FERLAB_CACHE"] = f"{folder}/cache"
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
