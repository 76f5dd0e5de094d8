"""What ferlab uses of Hydra and Optuna beside their public interfaces, as it is in these releases.

A newer release in the lock fails here first: read what it changed, then say that it holds.
"""

import re
from pathlib import Path

import optuna
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from ferlab import hydra_private, optuna_private, paths

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("library", "holds_for"),
    [("hydra-core", hydra_private.HOLDS_FOR), ("optuna", optuna_private.HOLDS_FOR)],
)
def test_it_holds_for_the_release_that_is_pinned(library: str, holds_for: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.findall(rf"^{library}==(\S+)", lock, re.MULTILINE) == [holds_for]


def test_hydra_starts_twice_and_composes_what_a_launcher_is_given() -> None:
    first, second = (hydra_private.start(f"project://{paths.shipped()}") for _ in range(2))
    assert first is not second
    config = first.compose_config("config", ["seed=3"], RunMode.MULTIRUN)
    context = hydra_private.context_of(first, config)
    assert context.config_loader.load_sweep_config(config, ["seed=4"]).seed == 4
    assert context.callbacks.callbacks == []


def test_what_ended_a_job_is_told_without_raising_it(capsys: pytest.CaptureFixture[str]) -> None:
    job, error = JobReturn(), ValueError("why")
    job.status, job.return_value = JobStatus.FAILED, error
    assert hydra_private.error_of(job) is error
    job.status, job.return_value = JobStatus.COMPLETED, "a result"
    assert hydra_private.error_of(job) is None
    assert capsys.readouterr().err == ""


def test_a_trial_of_another_process_is_opened_by_its_number_in_any_study(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "log")))
    studies = [optuna.create_study(storage=storage, study_name=name) for name in "ab"]
    for study in studies:  # the trial's number in its study is not its id in the storage
        study.add_trial(create_trial(state=TrialState.RUNNING))
    begun = studies[1].get_trials()[0]
    opened = optuna_private.open_trial(studies[1], begun)
    opened.set_user_attr("who", "me")
    assert opened.number == begun.number
    assert [study.get_trials()[0].user_attrs for study in studies] == [{}, {"who": "me"}]


@pytest.mark.parametrize(
    ("distribution", "taken", "refused"),
    [
        (CategoricalDistribution(["none", "se", 8]), ["se", 8], ["eca", None]),
        (IntDistribution(2, 8, step=2), [2, 8], [3, 10, "none"]),
        (FloatDistribution(0.1, 0.7, step=0.2), [0.3], [0.2, 0.9, "none"]),
        (FloatDistribution(0.01, 1.0, log=True), [0.01, 0.5], [0.0, None]),
    ],
)
def test_a_distribution_tells_its_values(
    distribution: BaseDistribution, taken: list[object], refused: list[object]
) -> None:
    for value in [*taken, *refused]:
        assert optuna_private.contains(distribution, value) is (value in taken)


def test_a_journal_takes_a_lock_of_our_own(tmp_path: Path) -> None:
    calls: list[str] = []

    class Lock(optuna_private.JournalLock):
        def acquire(self) -> bool:
            calls.append("acquire")
            return True

        def release(self) -> None:
            calls.append("release")

    backend = JournalFileBackend(str(tmp_path / "log"), lock_obj=Lock())
    optuna.create_study(storage=JournalStorage(backend))
    assert calls[:2] == ["acquire", "release"]
