"""What the finished epochs say: which is best, and whether to stop."""

import pytest

from ferlab.analysis.history import History
from ferlab.config.compose import compose
from ferlab.training.epochs import is_complete


def history(metric: str, values: list[float]) -> History:
    return History([{metric: value} for value in values], 0.0)


def test_best_is_highest_score_or_lowest_loss_and_the_earlier_of_equals() -> None:
    assert history("val/accuracy", [0.1, 0.5, 0.5, 0.2]).best_epoch("val/accuracy") == 2
    assert history("val/loss", [3.0, 1.0, 2.0, 1.0]).best_epoch("val/loss") == 2


@pytest.mark.parametrize(
    ("values", "complete"),
    [
        ([0.1, 0.2, 0.3], False),
        ([0.3, 0.2, 0.2], True),  # two epochs without improvement
        ([0.3, 0.305, 0.309], True),  # improvements below min_delta do not count
        ([0.3, 0.2, 0.4], False),
        ([0.1, 0.2, 0.3, 0.4, 0.5], True),  # the last epoch
    ],
)
def test_early_stopping_waits_for_its_patience(values: list[float], complete: bool) -> None:
    trainer = compose(
        [
            "trainer.max_epochs=5",
            "trainer.early_stopping.patience=2",
            "trainer.early_stopping.min_delta=0.01",
        ]
    ).trainer
    assert is_complete(history("val/accuracy", values), trainer) is complete
