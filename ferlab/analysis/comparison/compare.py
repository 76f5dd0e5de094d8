"""An arm against the baseline: all numbers that a report needs."""

from dataclasses import dataclass

import numpy as np

from ferlab.analysis.classification import Floats, Metric, confusions
from ferlab.analysis.comparison.estimates import Estimate, over_seeds, over_seeds_and_images
from ferlab.analysis.comparison.paired import McNemar, difference, mcnemar, sign_flip
from ferlab.analysis.comparison.scores import arm_scores, check_seeds, contributions
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import Verdict, judge

METRICS: tuple[Metric, ...] = ("accuracy", "f1")


@dataclass(frozen=True, eq=False)
class ConfigurationScore:
    """What an arm reaches in one metric.

    Attributes:
        runs: the score of each seed's run, shape (s,).
        estimate: their mean, for other seeds and other images of the same kind.
        same_images: their mean, for other seeds on the very same images.
    """

    runs: Floats
    estimate: Estimate
    same_images: Estimate


@dataclass(frozen=True, eq=False)
class MetricDifference:
    """An arm against the baseline in one metric; positive where the arm scores higher.

    Attributes:
        arm: what the arm reaches.
        baseline: what the baseline reaches.
        estimate: the difference, for other seeds and other images: the primary analysis.
        level: bound of its p.
        same_images: the difference, for other seeds on the very same images.
        sign_flip: p of the exact test of the runs' differences.
    """

    arm: ConfigurationScore
    baseline: ConfigurationScore
    estimate: Estimate
    level: float
    same_images: Estimate
    sign_flip: float

    @property
    def interval(self) -> tuple[float, float]:
        """Of the difference, at the level at which it is tested."""
        return self.estimate.interval(1 - self.level)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One arm against the baseline.

    Attributes:
        arm: its name.
        baseline: its name.
        seeds: of the runs of both, s of them.
        images: how many were scored.
        classes: k names.
        worth: smallest difference in accuracy that would matter, as a share.
        accuracy: the difference that decides.
        f1: the difference in macro F1.
        mcnemar: of accuracy, for each seed's pair of runs.
        confusion: images of true class i taken for class j by the arm, less those by the
            baseline, mean over seeds, shape (k, k).
        recalls: difference in each class's recall, for other seeds and images; not adjusted for
            being k; None for a class without an image.
    """

    arm: str
    baseline: str
    seeds: tuple[int, ...]
    images: int
    classes: tuple[str, ...]
    worth: float
    accuracy: MetricDifference
    f1: MetricDifference
    mcnemar: tuple[McNemar, ...]
    confusion: Floats
    recalls: tuple[Estimate | None, ...]

    @property
    def verdict(self) -> Verdict | None:
        """By the rule of `ferlab.analysis.comparison.verdict.judge`."""
        return judge(self.accuracy.estimate, self.accuracy.level, self.worth)

    def difference(self, metric: Metric) -> MetricDifference:
        """In this metric."""
        return self.accuracy if metric == "accuracy" else self.f1


def arm_score(metric: Metric, arm: SeededPredictions) -> ConfigurationScore:
    """What an arm reaches, with its intervals.

    Raises:
        EvidenceError: there are fewer than 3 seeds; the runs are listed.
    """
    check_seeds(metric, arm)
    runs = arm_scores(metric, arm)
    return ConfigurationScore(
        runs, over_seeds_and_images(contributions(metric, arm)), over_seeds(runs)
    )


def compare(
    arm: SeededPredictions, baseline: SeededPredictions, level: float, worth: float
) -> Comparison:
    """Compare an arm to the baseline.

    Args:
        arm: what is tried.
        baseline: scored with the same seeds on the same images.
        level: bound of p.
        worth: smallest difference in accuracy that would matter, as a share.

    Raises:
        EvidenceError: the two do not share seeds, images and labels, or have fewer than 3 seeds.
    """

    def differ(metric: Metric) -> MetricDifference:
        both = arm_score(metric, arm), arm_score(metric, baseline)
        runs = both[0].runs - both[1].runs
        estimate = difference(arm, baseline, metric).estimate
        return MetricDifference(*both, estimate, level, over_seeds(runs), sign_flip(runs))

    return Comparison(
        arm=arm.name,
        baseline=baseline.name,
        seeds=arm.seeds,
        images=arm.images,
        classes=arm.classes,
        worth=worth,
        accuracy=differ("accuracy"),
        f1=differ("f1"),
        mcnemar=mcnemar(arm, baseline),
        confusion=(_counts(arm) - _counts(baseline)).mean(axis=0),
        recalls=_recalls(arm, baseline),
    )


def _counts(arm: SeededPredictions) -> Floats:
    counts = confusions(arm.labels, arm.predicted, len(arm.classes))
    return counts.astype(np.float64)


def _recalls(arm: SeededPredictions, baseline: SeededPredictions) -> tuple[Estimate | None, ...]:
    """A class's recall is the accuracy on its images."""
    estimates: list[Estimate | None] = []
    for label in range(len(arm.classes)):
        of_class = arm.labels == label
        if not of_class.any():
            estimates.append(None)
            continue
        pair = arm.part(of_class), baseline.part(of_class)
        estimates.append(difference(*pair, "accuracy").estimate)
    return tuple(estimates)
