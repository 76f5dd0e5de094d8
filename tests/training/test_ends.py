"""A run that ends before its last epoch: what is said, what is kept, how it goes on."""

import os
import random
import signal
from pathlib import Path

import pytest
import requests
import torch

from ferlab import paths
from ferlab.config.compose import compose
from ferlab.errors import RunEnded, TrackingError
from ferlab.outage import is_outage
from ferlab.tracking.run import Run
from ferlab.training import stop
from ferlab.training.patient import train_patiently
from ferlab.training.run import resume, train
from tests.conftest import TINY
from tests.training.runs import artifact, client, kill_after_epoch

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

SCHEDULES = (
    ["scheduler=one_cycle"],
    ["scheduler=plateau", "scheduler.patience=0", "trainer.ema=0.9"],
    ["optimizer=adamw", "scheduler=cosine", "model.stages.2.dropout=0.3"],
    [
        "optimizer=muon",
        "scheduler=linear",
        "trainer.sampling=balanced",
        "trainer.decay_norms=false",
    ],
)


@pytest.mark.parametrize("overrides", SCHEDULES, ids=" ".join)
def test_killed_at_a_random_epoch_and_resumed_gives_the_same_bits(
    overrides: list[str], tmp_path: Path
) -> None:
    config = [*TINY, *overrides]
    whole = train(compose(config))
    run_id = kill_after_epoch(random.choice([1, 2]), config)
    assert client().get_run(run_id).info.status == "RUNNING"  # it had no time to say otherwise
    resumed = resume(run_id)
    assert resumed.run_id == run_id
    assert resumed.predictions.digest == whole.predictions.digest
    assert client().get_run(run_id).info.status == "FINISHED"
    for name in ("train/loss", "val/f1"):
        history = client().get_metric_history(run_id, name)
        whole_history = client().get_metric_history(whole.run_id, name)
        assert [(m.step, m.value) for m in history] == [(m.step, m.value) for m in whole_history]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_as_interrupted_and_says_how_to_go_on(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(epoch: int, metrics: object) -> None:
        del metrics
        if epoch == 1:
            os.kill(os.getpid(), number)

    with pytest.raises(RunEnded, match="ferlab train --resume") as caught:
        train(compose(TINY), report=interrupt)
    assert caught.value.reason == "interrupted"
    assert capsys.readouterr().err.count(stop.HEARD) == 1  # at once, not when the batch is over
    recorded = client().get_run(caught.value.run_id)
    assert (recorded.info.status, recorded.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")
    assert resume(caught.value.run_id).predictions.digest == train(compose(TINY)).predictions.digest


def test_a_signal_is_heard_though_the_store_was_away_when_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(self: Run, epoch: int, metrics: object) -> None:
        del self, epoch, metrics
        os.kill(os.getpid(), signal.SIGINT)
        raise TrackingError("the store is away") from requests.ReadTimeout()

    monkeypatch.setattr(Run, "log_epoch", interrupted)
    with pytest.raises(RunEnded, match=r"^stopped by SIGINT; go on with: ") as caught:
        train_patiently(compose(TINY))
    assert caught.value.reason == "interrupted"  # so that nobody waits for the store
    assert not is_outage(caught.value)


def test_a_signal_while_the_run_is_recorded_ends_what_comes_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ferlab.training import run as running

    record = running.record

    def interrupted(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "record", interrupted)
    with pytest.raises(RunEnded, match="is finished; SIGINT") as caught:
        train(compose(TINY))
    assert caught.value.reason == "interrupted"  # so that a worker takes no other trial
    assert client().get_run(caught.value.run_id).info.status == "FINISHED"
    assert not paths.work(caught.value.run_id).exists()


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint() -> None:
    with pytest.raises(RunEnded, match=r"the loss became nan in epoch 1; a smaller optimizer\.lr"):
        train(compose([*TINY, "optimizer.lr=1e30"]))
    (recorded,) = client().search_runs(["1"])
    assert (recorded.info.status, recorded.data.tags["ferlab.ended"]) == ("FAILED", "diverged")


def test_out_of_memory_and_errors_are_told_apart() -> None:
    def fail(error: Exception) -> RunEnded:
        def report(epoch: int, metrics: object) -> None:
            del epoch, metrics
            raise error

        with pytest.raises(RunEnded) as caught:
            train(compose(TINY), report=report)
        return caught.value

    assert fail(MemoryError()).reason == "out-of-memory"
    ended = fail(ZeroDivisionError("oh"))
    assert ended.reason == "error"
    assert "ZeroDivisionError: oh" in artifact(ended.run_id, "traceback.txt").read_text()
    assert client().get_run(ended.run_id).info.status == "FAILED"
    resume(ended.run_id)


def test_a_full_disk_ends_the_run_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from ferlab.training import checkpoint

    def full(path: Path, state: object) -> None:
        del state
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(checkpoint, "save_state", full)
    with pytest.raises(RunEnded, match="the disk cannot be used: No space left on device"):
        train(compose(TINY))


def test_an_epoch_that_mlflow_missed_in_a_crash_is_logged_on_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_epoch = Run.log_epoch

    def crash_at_the_last(self: Run, epoch: int, metrics: dict[str, float]) -> None:
        if epoch == 3:
            raise TrackingError("the store is away")
        log_epoch(self, epoch, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log_epoch", crash_at_the_last)
        with pytest.raises(RunEnded, match="the store is away; go on with") as caught:
            train(compose(TINY))
    torch.set_num_threads(2)
    resume(caught.value.run_id)
    assert torch.get_num_threads() == 1  # as recorded, though no epoch was left to train
    steps = [m.step for m in client().get_metric_history(caught.value.run_id, "val/f1")]
    assert steps == [1, 2, 3]


def test_resume_refuses_what_it_cannot_go_on_with() -> None:
    run = train(compose(TINY))
    with pytest.raises(TrackingError, match="is finished; there is nothing to resume"):
        resume(run.run_id)
    with pytest.raises(TrackingError, match="there is no run 'nope'"):
        resume("nope")


def test_a_run_is_trained_by_one_process_at_a_time() -> None:
    def meanwhile(epoch: int, metrics: object) -> None:
        del epoch, metrics
        (recorded,) = client().search_runs(["1"])
        with pytest.raises(TrackingError, match="is being trained by another process"):
            resume(recorded.info.run_id)

    train(compose(TINY), report=meanwhile)
