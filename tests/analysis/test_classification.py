import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from ferlab.analysis import classification
from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison import scores
from ferlab.analysis.comparison.seeded import SeededPredictions, check_comparable
from ferlab.errors import EvidenceError
from tests.analysis.simulated import Truth

NAMES = np.array(["a.png", "b.png", "c.png", "d.png"])
LABELS = np.array([0, 0, 1, 2])
PREDICTED = np.array([[0, 1, 1, 2], [0, 0, 0, 2]])


def arm(
    name: str = "se",
    seeds: tuple[int, ...] = (1, 2),
    classes: tuple[str, ...] = ("angry", "happy", "sad"),
    names: np.ndarray = NAMES,
    labels: np.ndarray = LABELS,
    predicted: np.ndarray = PREDICTED,
) -> SeededPredictions:
    return SeededPredictions(name, seeds, classes, names, labels, predicted)


@pytest.mark.parametrize("occurring", [7, 5])
def test_scores_agree_with_the_metrics_of_training(occurring: int) -> None:
    """Also where a class neither occurs nor is predicted, or is only predicted."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, occurring, 700).astype(np.uint8)
    guesses = rng.integers(0, occurring, (3, 700))
    predicted = np.where(rng.random((3, 700)) < 0.6, labels, guesses)
    predicted[1, :9] = 6
    counts = classification.confusions(labels, predicted, 7)
    macro = MulticlassF1Score(7, average="macro", validate_args=False)
    each = MulticlassF1Score(7, average="none", validate_args=False)
    micro = MulticlassAccuracy(7, average="micro", validate_args=False)
    for run in range(3):
        pair = torch.tensor(predicted[run]), torch.tensor(labels.astype(np.int64))
        assert classification.macro_f1(counts)[run] == pytest.approx(macro(*pair).item(), abs=1e-6)
        assert classification.accuracy(counts)[run] == pytest.approx(micro(*pair).item(), abs=1e-6)
        assert np.allclose(classification.class_f1(counts)[run], each(*pair).numpy(), atol=1e-6)


def test_a_confusion_matrix_has_a_row_per_true_class() -> None:
    counts = classification.confusions(LABELS, PREDICTED, 3)
    assert counts.tolist() == [
        [[1, 1, 0], [0, 1, 0], [0, 0, 1]],
        [[2, 0, 0], [1, 0, 0], [0, 0, 1]],
    ]
    assert classification.accuracy(counts).tolist() == [0.75, 0.75]


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_contributions_are_what_leaving_each_image_out_shows(metric: Metric) -> None:
    one = next(Truth(3, images=60).studies(1))[0]
    values, runs = scores.contributions(metric, one), scores.arm_scores(metric, one)
    assert np.allclose(values.mean(axis=1), runs)
    without = np.array(
        [scores.arm_scores(metric, one.part(np.arange(60) != i)) for i in range(60)]
    ).T  # (s, n)
    pseudo = 60 * runs[:, None] - 59 * without
    assert np.allclose(values, pseudo - pseudo.mean(axis=1, keepdims=True) + runs[:, None])


def test_part_keeps_seeds_and_order() -> None:
    part = arm().part(np.array([False, True, False, True]))
    assert part.names.tolist() == ["b.png", "d.png"]
    assert part.predicted.tolist() == [[1, 2], [0, 2]]
    assert part.seeds == (1, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": (1, 2, 3)}, "3 seeds, predictions of shape"),
        ({"names": NAMES[:2]}, "2 names, 4 labels"),
        ({"seeds": (1, 1)}, "a seed occurs twice"),
        ({"classes": ("angry", "happy")}, "classes 0-2 .* 0-1 exist"),
        ({"predicted": PREDICTED - 1}, "classes -1-2"),
    ],
)
def test_an_arm_that_does_not_fit_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        arm(**changed)  # type: ignore[arg-type]


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(EvidenceError, match="at least 1"):
        arm().part(np.zeros(4, bool))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ("angry", "happy", "fear")}, "classes are angry, happy, sad and angry,"),
        ({"seeds": (1, 3)}, "seeds are 1, 2 and 1, 3"),
        ({"names": NAMES[::-1]}, "different data; 4 of 4 .* 'a.png' and 'd.png'"),
        ({"labels": np.array([0, 0, 1, 1])}, "different data; 1 of 4 .* 'd.png' and 'd.png'"),
    ],
)
def test_arms_of_different_studies_are_not_compared(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(EvidenceError, match=f"'se' and 'none' cannot be compared: .*{message}"):
        check_comparable(arm(), arm(name="none", **changed))  # type: ignore[arg-type]


def test_arms_on_fewer_images_are_not_compared() -> None:
    with pytest.raises(EvidenceError, match="different data, 4 and 3 images"):
        check_comparable(arm(), arm(name="none").part(LABELS < 2))


def test_arms_that_fit_are_compared() -> None:
    check_comparable(arm(), arm(name="none", predicted=PREDICTED[::-1]))
