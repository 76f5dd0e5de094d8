"""What a run was begun with: the code and libraries it goes on with, the store it is kept in."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

import ferlab.sweep.workers.replicate as replicate_module
from ferlab.config.compose import compose
from ferlab.errors import FerlabError, RunEnded, TrackingError
from ferlab.tracking import environment, origin, sources, store
from ferlab.tracking.run import Run
from ferlab.training.run import resume, train
from tests.conftest import TINY
from tests.sweep.test_sweep import HERE, children, sweep
from tests.training.runs import artifact, client

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]


def stop(epoch: int, metrics: object) -> None:
    del epoch, metrics
    os.kill(os.getpid(), signal.SIGINT)


def interrupted() -> str:
    with pytest.raises(RunEnded) as caught:
        train(compose(TINY), report=stop)
    return caught.value.run_id


def test_a_run_is_not_gone_on_with_by_other_code_or_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = interrupted()

    def edited(targets: Any) -> dict[str, str]:
        files = sources.sources(targets)
        return {**files, "ferlab/models/cnn.py": "x", "ferlab/cli/runs.py": "nothing computes"}

    with monkeypatch.context() as patch:
        patch.setattr(origin, "sources", edited)
        with pytest.raises(TrackingError, match=r"with other code \(ferlab/models/cnn\.py\); "):
            resume(run_id)
    here = environment.describe_environment()
    with monkeypatch.context() as patch:
        other = replace(here, libraries={**here.libraries, "torch": "9.0", "optuna": "9.0"})
        patch.setattr(environment, "describe_environment", lambda: other)
        with pytest.raises(TrackingError, match=r"\(torch [^,]+ -> 9\.0\); "):
            resume(run_id)
    assert client().get_run(run_id).info.status == "KILLED"  # as it was
    resume(run_id)


def test_a_trial_is_begun_anew_where_the_code_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(config: Any, report: Any, tags: Any) -> object:
        del report
        return train(config, stop, tags)

    with monkeypatch.context() as patch:
        patch.setattr(replicate_module, "train", cut)
        assert sweep(HERE, "study.name=c", "seed=0,1", "study.trials=1") == 130
    (before,) = children("c")
    monkeypatch.setattr(origin, "changed", lambda *arguments: ["ferlab/models/cnn.py"])
    assert sweep(HERE, "study.name=c", "seed=0,1", "study.trials=1") == 0
    (after,) = children("c")
    assert after.info.status == "FINISHED"
    assert after.info.run_id != before.info.run_id


@pytest.mark.parametrize("part", ["ferlab.tracking.run.fingerprint", "ferlab.tracking.sources"])
def test_a_run_that_cannot_be_recorded_from_the_start_is_not_left_running(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"{part}.sources" if part.endswith("sources") else part, full)
    with pytest.raises(FerlabError, match=r"(?i)no space left"):
        train(compose(TINY))
    (recorded,) = client().search_runs(["1"])
    assert recorded.info.status == "KILLED"  # a disk may be emptied
    assert recorded.data.tags["ferlab.ended"] == "interrupted"


def test_of_two_workers_that_record_the_same_data_at_once_none_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_inputs, calls = MlflowClient.log_inputs, []

    def late(self: MlflowClient, *arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise MlflowException("UNIQUE constraint failed: datasets.experiment_id, datasets.name")
        log_inputs(self, *arguments)

    monkeypatch.setattr(MlflowClient, "log_inputs", late)
    run_id = train(compose([*TINY, "trainer.max_epochs=1"])).run_id
    assert len(client().get_run(run_id).inputs.dataset_inputs) == 1


def test_a_signal_while_a_run_is_begun_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt  # what Python makes of Ctrl-C where nobody has asked otherwise

    monkeypatch.setattr(Run, "log_environment", interrupt)
    with pytest.raises(RunEnded, match="go on with: ferlab train --resume"):
        train(compose(TINY))
    (recorded,) = client().search_runs(["1"])
    assert (recorded.info.status, recorded.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")


def test_where_a_run_is_kept_is_not_recorded_for_it_may_hold_a_password(home: Path) -> None:
    uri = f"sqlite:///{home}/mlflow.db"
    run_id = train(compose([*TINY, "trainer.max_epochs=1", f"tracking.uri={uri}"])).run_id
    assert client().get_run(run_id).data.params["tracking.uri"] == "None"
    assert yaml.safe_load(artifact(run_id, "config.yaml").read_text())["tracking"]["uri"] is None
    secret: Any = SimpleNamespace(tracking_uri="postgresql://me:secret@db/ml")
    assert store.display_name(secret) == "postgresql://me:***@db/ml"
