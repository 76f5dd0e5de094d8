from dataclasses import replace

import numpy as np
import pytest

from ferlab.analysis.comparison.compare import Comparison, arm_score, compare
from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.paired import difference
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import Verdict, judge, numbers_in_words, p_in_words, points
from ferlab.errors import EvidenceError
from tests.analysis.simulated import Truth


def against(arm: SeededPredictions, baseline: SeededPredictions) -> Comparison:
    return compare(arm, baseline, 0.05, 0.01)


def test_a_gain_is_found_with_an_interval_that_holds_it() -> None:
    truth = Truth(5, gain=0.3)
    baseline, arm = next(truth.studies(1))
    found = against(arm, baseline)
    assert found.verdict is Verdict.BETTER
    for metric in ("accuracy", "f1"):
        low, high = found.difference(metric).interval
        assert low < truth.difference(metric) < high


def test_a_worse_arm_is_the_mirror_of_a_better_one() -> None:
    baseline, arm = next(Truth(5, gain=0.3).studies(1))
    better, worse = against(arm, baseline), against(baseline, arm)
    assert worse.verdict is Verdict.WORSE
    assert worse.accuracy.estimate.p == pytest.approx(better.accuracy.estimate.p)
    assert worse.accuracy.estimate.value == pytest.approx(-better.accuracy.estimate.value)
    assert np.allclose(worse.confusion, -better.confusion)
    assert [(pair.lost, pair.gained) for pair in worse.mcnemar] == [
        (pair.gained, pair.lost) for pair in better.mcnemar
    ]


def test_identical_configurations_are_not_called_apart() -> None:
    baseline, arm = next(Truth(5, view=0).studies(1, seed=4))
    assert compare(arm, baseline, 0.0125, 0.01).verdict is None
    assert compare(arm, baseline, 0.0125, 0.05).verdict is Verdict.NO_DIFFERENCE


def test_identical_predictions_make_no_difference() -> None:
    baseline, _ = next(Truth(3, images=100).studies(1))
    found = against(replace(baseline, name="again"), baseline)
    assert found.verdict is Verdict.NO_DIFFERENCE
    assert found.accuracy.interval == (0, 0)
    assert not found.confusion.any()


def test_a_smaller_level_has_a_wider_interval() -> None:
    baseline, arm = next(Truth(5, classes=2).studies(1))
    wide, narrow = compare(arm, baseline, 0.0125, 0.01), compare(arm, baseline, 0.05, 0.01)
    assert wide.accuracy.estimate == narrow.accuracy.estimate
    for metric in ("accuracy", "f1"):
        pair = [c.difference(metric).interval for c in (wide, narrow)]
        assert pair[0][0] < pair[1][0] < pair[1][1] < pair[0][1]


def test_confusion_and_recall_tell_which_classes_gained() -> None:
    baseline, _ = next(Truth(3).studies(1))
    predicted = baseline.predicted.copy()
    sad = np.flatnonzero(baseline.labels == 5)
    predicted[:, sad] = 5
    found = against(replace(baseline, name="sad", predicted=predicted), baseline)
    missed = (baseline.predicted[:, sad] != 5).sum(axis=1).mean()
    assert found.confusion[5, 5] == pytest.approx(missed)
    assert found.confusion[5].sum() == pytest.approx(0)
    assert not np.delete(found.confusion, 5, axis=0).any()
    gained = [recall.value for recall in found.recalls if recall is not None]
    assert gained[5] == pytest.approx(missed / len(sad))
    assert [value for i, value in enumerate(gained) if i != 5] == [0] * 6


def test_a_class_without_images_has_no_recall() -> None:
    baseline, arm = next(Truth(3, images=300).studies(1))
    keep = baseline.labels != 1
    found = against(arm.part(keep), baseline.part(keep))
    assert found.recalls[1] is None
    assert (
        found.recalls[0]
        == difference(
            arm.part(baseline.labels == 0), baseline.part(baseline.labels == 0), "accuracy"
        ).estimate
    )


def test_an_arms_score_is_less_well_known_for_other_images() -> None:
    baseline, _ = next(Truth(5).studies(1))
    found = arm_score("accuracy", baseline)
    assert found.estimate.value == pytest.approx(found.same_images.value)
    assert found.estimate.error > found.same_images.error


def test_two_seeds_are_refused_by_name() -> None:
    baseline, arm = next(Truth(2, images=50).studies(1))
    with pytest.raises(EvidenceError, match="'arm 0' has 2, seed 0 0"):
        against(arm, baseline)
    with pytest.raises(EvidenceError, match="'baseline' has 2, seed 0 0"):
        arm_score("accuracy", baseline)


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (0.02, 0.007, Verdict.BETTER),
        (-0.02, 0.007, Verdict.WORSE),
        (0.02, 0.0073, None),  # 2.776 errors are called
        (0.0, 0.0037, None),
        (0.0, 0.0035, Verdict.NO_DIFFERENCE),
        (-0.002, 0.0027, Verdict.NO_DIFFERENCE),
        (-0.002, 0.003, None),
        (0.0, 0.0, Verdict.NO_DIFFERENCE),
    ],
)
def test_the_rule(value: float, error: float, verdict: Verdict | None) -> None:
    assert judge(Estimate(value, error, 4), 0.05, 0.01) is verdict


def test_the_numbers_of_a_difference() -> None:
    assert numbers_in_words(Estimate(0.02, 0.005, 4), 0.0125) == (
        "+2.00 points of accuracy, repeated interval −0.16 to +4.16, p = 0.016 (bound 0.0125)"
    )


def test_numbers_in_words() -> None:
    assert [points(x) for x in (0.0123, -0.0123, 0.00001, -0.00001)] == [
        "+1.23",
        "−1.23",
        "0.00",
        "0.00",
    ]
    assert [p_in_words(p) for p in (0.0496, 0.0005, 0.0004)] == [
        "p = 0.050",
        "p = 0.001",
        "p < 0.001",
    ]
