"""The images that a confirmation is scored on, part by part, and what its runs predict there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ferlab.analysis.comparison.compare import Comparison
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.predictions import Predictions
from ferlab.config import Config
from ferlab.data import splits
from ferlab.data.imageset import ImageSet, Split
from ferlab.tracking import artifacts
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client

VALIDATION, BOTH = "validation", "validation and test"
"""The names of two parts that every confirmation has."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some images, and every arm against the baseline on them.

    Attributes:
        name: of the images, in a few words.
        what: they are, as a sentence.
        comparisons: one per arm, best of the search first, each at the bound of its verdict.
    """

    name: str
    what: str
    comparisons: tuple[Comparison, ...]

    @property
    def longest(self) -> Comparison:
        """One that has all runs of the baseline."""
        return max(self.comparisons, key=lambda comparison: len(comparison.seeds))


def split_parts(
    test: list[SeededPredictions], val: list[SeededPredictions], images: ImageSet, config: Config
) -> Iterator[tuple[str, str, list[SeededPredictions]]]:
    """Name, description and arms, the baseline first, of each set of images."""
    in_train, in_val = (
        splits.shared(images, Split.TEST, [split]) for split in (Split.TRAIN, Split.VAL)
    )
    new = ~(in_train | in_val)
    counts = [f"{in_train.sum():,} are pixel-identical to a training image"]
    counts += [f"{in_val.sum():,} to a validation image"]
    told = f"Of its {len(new):,} images {' and '.join(counts)}."
    yield "test", f"The whole test split, which decides. {told}", test
    if new.any() and not new.all():
        yield (
            "test, none shared",
            f"Without the {(~new).sum():,} images that training or validation have, too.",
            [arm.part(new) for arm in test],
        )
    yield (
        VALIDATION,
        "Each run's best epoch was chosen on these images, so the scores are a little too good.",
        val,
    )
    both = "All of PrivateTest" if config.data.split == "seed" else "All held-out images"
    yield (
        BOTH,
        f"{both}: those on which epochs were chosen, and the others.",
        [_joined(*pair) for pair in zip(val, test, strict=True)],
    )


def read_predictions(
    client: Client, name: str, entries: Sequence[Entry], split: str, classes: tuple[str, ...]
) -> SeededPredictions:
    """What the runs of an arm predicted on a split.

    Raises:
        TrackingError: a run has no predictions of it any more.
    """
    path = f"predictions/{split}.csv"
    tables = [
        Predictions.read(artifacts.read_files(client, entry.run_id, [path], [path])[path].decode())
        for entry in entries
    ]
    return SeededPredictions(
        name=name,
        seeds=tuple(int(entry.tags["ferlab.seed"]) for entry in entries),
        classes=classes,
        names=tables[0].names,
        labels=tables[0].labels,
        predicted=np.stack([table.predicted for table in tables]),
    )


def _joined(first: SeededPredictions, second: SeededPredictions) -> SeededPredictions:
    """The same runs on the images of both."""
    return SeededPredictions(
        first.name,
        first.seeds,
        first.classes,
        np.concatenate([first.names, second.names]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.predicted, second.predicted], axis=1),
    )
