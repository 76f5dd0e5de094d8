"""Calibration against arithmetic by hand, and against what others compute."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from ferlab.analysis.calibration import (
    TEMPERATURES,
    fit_temperature,
    reliability,
    tempered,
)

SURE = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.45, 0.55]], np.float32)
LABELS = np.array([0, 1, 1, 0], np.uint8)


def drawn(n: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels that were drawn from probabilities, and logits ``sharpness`` times too extreme."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n, 7)) * 2
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return logits * sharpness, labels


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.tensor(logits).softmax(dim=1).numpy()


def test_the_calibration_error_by_hand() -> None:
    """Of five bins: 0.55 in (0.4, 0.6], wrong; 0.7 in (0.6, 0.8], right; 0.9 twice, one right."""
    found = reliability(SURE, LABELS, bins=5)
    assert found.counts.tolist() == [0, 0, 1, 1, 2]
    np.testing.assert_allclose(found.confidence, [0, 0, 0.55, 0.7, 0.9], rtol=1e-6)
    np.testing.assert_allclose(found.accuracy, [0, 0, 0, 1, 0.5])
    assert found.calibration_error == pytest.approx((0.55 + 0.3 + 2 * 0.4) / 4)


def test_a_bin_holds_its_upper_edge_and_what_is_certain() -> None:
    sure = np.array([[0.5, 0.5], [1.0, 0.0], [np.nextafter(np.float32(1), np.float32(2)), 0]])
    assert reliability(sure, np.array([0, 0, 0]), bins=2).counts.tolist() == [1, 2]


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_calibration_error_is_that_of_torchmetrics(sharpness: float) -> None:
    logits, labels = drawn(2000, sharpness)
    sure = softmax(logits)
    theirs = multiclass_calibration_error(
        torch.tensor(sure), torch.tensor(labels), num_classes=7, n_bins=15
    )
    assert reliability(sure, labels).calibration_error == pytest.approx(float(theirs), abs=1e-6)


def test_tempered_probabilities_are_those_of_divided_logits() -> None:
    logits, _ = drawn(50, 1.0)
    np.testing.assert_allclose(tempered(softmax(logits), 2.5), softmax(logits / 2.5), rtol=1e-9)
    np.testing.assert_allclose(tempered(SURE, 1.0), SURE, rtol=1e-6)
    # p and 1 - p become odds to the power of 1 / T: 9 -> 3 at T = 2.
    np.testing.assert_allclose(tempered(SURE, 2.0)[0], [0.75, 0.25], rtol=1e-6)


def test_a_temperature_changes_no_prediction_not_even_of_rounded_zeros() -> None:
    logits, _ = drawn(500, 30.0)
    sure = softmax(logits).astype(np.float32)
    assert (sure == 0).any()
    for temperature in (*TEMPERATURES, 1.7):
        now = tempered(sure, temperature)
        assert np.isfinite(now).all()
        assert (now.argmax(axis=1) == sure.argmax(axis=1)).all()


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_used_is_found_again(sharpness: float) -> None:
    logits, labels = drawn(20_000, sharpness)
    sure = softmax(logits)
    found = fit_temperature(sure, labels)
    assert found == pytest.approx(sharpness, rel=0.03)
    # and it is the minimum: no temperature beside it is likelier
    rows = np.arange(len(labels))
    loss = {
        t: -np.log(tempered(sure, t)[rows, labels]).mean()
        for t in (found, 0.99 * found, 1.01 * found)
    }
    assert min(loss, key=loss.__getitem__) == found
    after = reliability(tempered(sure, found), labels).calibration_error
    assert after < 0.015
    if sharpness != 1:
        assert after < reliability(sure, labels).calibration_error / 4


def test_where_all_is_right_or_wrong_the_temperature_stays_within_its_limits() -> None:
    sure = np.array([[0.8, 0.2], [0.6, 0.4]])
    low, high = TEMPERATURES
    assert fit_temperature(sure, np.array([0, 0])) == pytest.approx(low, rel=1e-3)
    assert fit_temperature(sure, np.array([1, 1])) == pytest.approx(high, rel=1e-3)
    assert np.isfinite(fit_temperature(np.array([[1.0, 0.0]]), np.array([1])))
