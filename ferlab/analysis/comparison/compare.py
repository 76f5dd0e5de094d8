"""Every arm against the baseline: all numbers that a report needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ferlab.analysis.classification import Floats, Metric, confusions
from ferlab.analysis.comparison.estimates import Estimate, over_seeds, over_seeds_and_images
from ferlab.analysis.comparison.multiple import holm
from ferlab.analysis.comparison.paired import McNemar, difference, mcnemar, sign_flip
from ferlab.analysis.comparison.power import smallest_difference
from ferlab.analysis.comparison.scores import arm_scores, check_seeds, contributions
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import LEVEL, Verdict, in_words, judge

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
        p: of its test, adjusted by Holm over the study's comparisons in this metric.
        smallest: the smallest true difference that the study shows with 80 % power, at 5 % shared
            among the comparisons.
        same_images: the difference, for other seeds on the very same images.
        sign_flip: p of the exact test of the runs' differences.
    """

    arm: ConfigurationScore
    baseline: ConfigurationScore
    estimate: Estimate
    p: float
    smallest: float
    same_images: Estimate
    sign_flip: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """One arm against the baseline.

    Attributes:
        arm: its name.
        baseline: its name.
        seeds: of the runs of both, s of them.
        images: how many were scored.
        classes: k names.
        comparisons: how many the study makes.
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
    comparisons: int
    accuracy: MetricDifference
    f1: MetricDifference
    mcnemar: tuple[McNemar, ...]
    confusion: Floats
    recalls: tuple[Estimate | None, ...]

    @property
    def verdict(self) -> Verdict:
        """By the rule of `ferlab.analysis.comparison.verdict.judge`."""
        return judge(self.accuracy.estimate, self.accuracy.p)

    @property
    def words(self) -> str:
        """The verdict and its numbers, as a sentence without its full stop."""
        test = self.accuracy
        return in_words(test.estimate, test.p, test.smallest, self.comparisons)

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
    arms: Sequence[SeededPredictions], baseline: SeededPredictions
) -> tuple[Comparison, ...]:
    """Compare every arm to the baseline.

    Args:
        arms: m of them; p is adjusted for as many.
        baseline: scored with the same seeds on the same images.

    Returns:
        One comparison per arm, in order.

    Raises:
        EvidenceError: the arms do not share seeds, images and labels, or have fewer than 3 seeds.
    """
    estimates = {m: [difference(arm, baseline, m) for arm in arms] for m in METRICS}
    adjusted = {m: holm([estimate.p for estimate in estimates[m]]) for m in METRICS}
    reached = {m: arm_score(m, baseline) for m in METRICS}
    comparisons = []
    for i, arm in enumerate(arms):
        found = {}
        for metric in METRICS:
            score, estimate = arm_score(metric, arm), estimates[metric][i]
            runs = score.runs - reached[metric].runs
            found[metric] = MetricDifference(
                arm=score,
                baseline=reached[metric],
                estimate=estimate,
                p=adjusted[metric][i],
                smallest=smallest_difference(estimate, LEVEL / len(arms)),
                same_images=over_seeds(runs),
                sign_flip=sign_flip(runs),
            )
        counts, counts_before = _counts(arm), _counts(baseline)
        comparisons.append(
            Comparison(
                arm=arm.name,
                baseline=baseline.name,
                seeds=arm.seeds,
                images=arm.images,
                classes=arm.classes,
                comparisons=len(arms),
                accuracy=found["accuracy"],
                f1=found["f1"],
                mcnemar=mcnemar(arm, baseline),
                confusion=(counts - counts_before).mean(axis=0),
                recalls=_recalls(arm, baseline),
            )
        )
    return tuple(comparisons)


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
        estimates.append(difference(arm.part(of_class), baseline.part(of_class), "accuracy"))
    return tuple(estimates)
