"""How a sweep ends: its exit code, and why fewer trials count than were asked for."""

from typing import Any

import pytest

from ferlab.errors import ConfigError, FerlabError
from ferlab.sweep import studies
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.workers.trial import run_trial
from tests.sweep.test_study import NEVER, shared, work


def ended(done: int, **changes: Any) -> SweepResult:
    study = shared(budget=12)
    work(study, done)
    with study.liveness.at_work() as me:
        for raised in changes.pop("raised", ()):

            def configs(params: Any, raised: Exception = raised) -> Any:
                raise raised

            trial = study.next_trial(me, NEVER)
            assert trial is not None
            assert run_trial(study, trial, configs).startswith("failed: ")
    studies.remember(study.optuna, study.config, 12, 1, "ferlab sweep s")
    facts = {
        "is_over": True,
        "too_many_failed": False,
        "errors": [],
        "mistakes": [f"trial {t.number}: {t.user_attrs['why']}" for t in study.mistakes()],
        "is_late": False,
        **changes,
    }
    table = studies.view(study.optuna)
    return SweepResult(table, None, None, "run", "ui", study.counts(), again="again", **facts)


WRONG = ConfigError("config: optimizer.lr: should be a valid number, not abc")


@pytest.mark.parametrize(
    ("changes", "code", "last"),
    [
        ({}, 0, "stopped  every point of the space is used up"),
        ({"is_late": True}, 0, "stopped  the time is used up"),
        ({"raised": [FerlabError("no space")]}, 0, "1 trial failed; the same command tries again"),
        ({"raised": [WRONG]}, 1, "stopped  1 trial failed for a mistake in the config"),
        ({"raised": [WRONG, WRONG]}, 1, "stopped  2 trials failed for a mistake in the config"),
        ({"is_over": False}, 130, "go on    again"),
        ({"is_over": False, "errors": ["the disk is full"]}, 1, "go on    again"),
    ],
)
def test_the_end_says_what_is_so(changes: dict[str, Any], code: int, last: str) -> None:
    result = ended(2, **changes)
    text = result.summary()
    assert result.exit_code == code
    assert last in text
    assert ("mistake  trial 2: config: optimizer.lr: should be a valid" in text) == (
        WRONG in changes.get("raised", ())
    )
