"""How a model is judged that was made again of its members."""

import numpy as np
import pytest

from ferlab.analysis.predictions import Predictions
from ferlab.ensemble.recompute import judge_predictions


def predictions(right: int, sure: float = 0.9, n: int = 400) -> Predictions:
    """Of n images, of which the first so many are read rightly."""
    labels = np.zeros(n, np.uint8)
    truth = np.where(np.arange(n) < right, sure, 1 - sure)
    names = np.array([f"i{i}" for i in range(n)])
    return Predictions(names, labels, np.stack([truth, 1 - truth], axis=1).astype(np.float32))


@pytest.mark.parametrize(
    ("now", "margin", "level", "text"),
    [
        (predictions(300), 0.01, "identical", "all 400 images are the same to the last bit"),
        (predictions(300, 0.8), 0.01, "equivalent", "0 of 400 images read otherwise, probabiliti"),
        (predictions(300, 0.8), 0.001, "undetermined", "differ by up to 0.1; accuracy 0.00"),
        (predictions(200), 0.01, "different", "100 of 400 images read otherwise"),
    ],
)
def test_it_is_judged_by_its_predictions(
    now: Predictions, margin: float, level: str, text: str
) -> None:
    verdict = judge_predictions(predictions(300), now, margin)
    assert verdict.level == level
    assert verdict.text.startswith(f"{level}: ")
    assert text in verdict.text
