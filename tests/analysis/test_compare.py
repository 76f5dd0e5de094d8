from dataclasses import replace

import numpy as np
import pytest

from ferlab.analysis.comparison.compare import arm_score, compare
from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.paired import difference
from ferlab.analysis.comparison.verdict import Verdict, in_words, judge, p_in_words, points
from ferlab.errors import EvidenceError
from tests.analysis.simulated import Truth


def test_a_gain_is_found_with_an_interval_that_holds_it() -> None:
    truth = Truth(5, gain=0.3)
    baseline, arm = next(truth.studies(1))
    (found,) = compare([arm], baseline)
    assert found.verdict is Verdict.BETTER
    assert found.words.startswith("better: +")
    for metric in ("accuracy", "f1"):
        low, high = found.difference(metric).estimate.interval()
        assert low < truth.difference(metric) < high


def test_a_worse_arm_is_the_mirror_of_a_better_one() -> None:
    baseline, arm = next(Truth(5, gain=0.3).studies(1))
    (better,), (worse,) = (
        compare([arm], baseline),
        compare([baseline], arm),
    )
    assert worse.verdict is Verdict.WORSE
    assert worse.accuracy.p == pytest.approx(better.accuracy.p)
    assert worse.accuracy.estimate.value == pytest.approx(-better.accuracy.estimate.value)
    assert np.allclose(worse.confusion, -better.confusion)
    assert [(pair.lost, pair.gained) for pair in worse.mcnemar] == [
        (pair.gained, pair.lost) for pair in better.mcnemar
    ]


def test_identical_configurations_show_no_difference() -> None:
    baseline, arm = next(Truth(5, view=0).studies(1, seed=4))
    (found,) = compare([arm], baseline)
    assert found.verdict is Verdict.UNSEEN
    seen = f"{100 * found.accuracy.smallest:.2f}"
    assert f"could see (it could have seen {seen} points): " in found.words
    assert 0.005 < found.accuracy.smallest < 0.03


def test_identical_predictions_show_no_difference() -> None:
    baseline, _ = next(Truth(3, images=100).studies(1))
    (found,) = compare([replace(baseline, name="again")], baseline)
    assert found.verdict is Verdict.UNSEEN
    assert found.words.endswith("the accuracy is the same in every run")
    assert found.accuracy.smallest == 0
    assert not found.confusion.any()


def test_more_comparisons_are_adjusted_for() -> None:
    baseline, *arms = next(Truth(5, classes=2).studies(1, arms=4))
    found = compare(arms, baseline)
    alone = [compare([arm], baseline)[0] for arm in arms]
    best = min(range(4), key=lambda i: alone[i].accuracy.p)
    assert found[best].accuracy.p == pytest.approx(min(1, 4 * alone[best].accuracy.p))
    assert "adjusted for 4 comparisons" in found[0].words
    assert "adjusted" not in alone[0].words
    assert found[0].accuracy.smallest > alone[0].accuracy.smallest


def test_confusion_and_recall_tell_which_classes_gained() -> None:
    baseline, _ = next(Truth(3).studies(1))
    predicted = baseline.predicted.copy()
    sad = np.flatnonzero(baseline.labels == 5)
    predicted[:, sad] = 5
    (found,) = compare([replace(baseline, name="sad", predicted=predicted)], baseline)
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
    (found,) = compare([arm.part(keep)], baseline.part(keep))
    assert found.recalls[1] is None
    assert found.recalls[0] == difference(
        arm.part(baseline.labels == 0), baseline.part(baseline.labels == 0), "accuracy"
    )


def test_an_arms_score_is_less_well_known_for_other_images() -> None:
    baseline, _ = next(Truth(5).studies(1))
    found = arm_score("accuracy", baseline)
    assert found.estimate.value == pytest.approx(found.same_images.value)
    assert found.estimate.error > found.same_images.error


def test_two_seeds_are_refused_by_name() -> None:
    baseline, arm = next(Truth(2, images=50).studies(1))
    with pytest.raises(EvidenceError, match="'arm 0' has 2, seed 0 0"):
        compare([arm], baseline)
    with pytest.raises(EvidenceError, match="'baseline' has 2, seed 0 0"):
        arm_score("accuracy", baseline)


@pytest.mark.parametrize(
    ("value", "p", "verdict"),
    [
        (0.02, 0.049, Verdict.BETTER),
        (-0.02, 0.049, Verdict.WORSE),
        (0.02, 0.05, Verdict.UNSEEN),
        (-0.02, 0.9, Verdict.UNSEEN),
        (0.0, 1.0, Verdict.UNSEEN),
    ],
)
def test_the_rule(value: float, p: float, verdict: Verdict) -> None:
    assert judge(Estimate(value, 0.01, 4), p) is verdict


def test_the_words() -> None:
    estimate = Estimate(0.02, 0.005, 4)
    assert in_words(estimate, 0.0161, 0.019) == (
        "better: +2.00 points of accuracy, 95 % interval +0.61 to +3.39, p = 0.016"
    )
    assert in_words(estimate, 0.0644, 0.0271, 4) == (
        "no difference that this study could see (it could have seen 2.71 points): +2.00 points of "
        "accuracy, 95 % interval +0.61 to +3.39, p = 0.064 adjusted for 4 comparisons"
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
