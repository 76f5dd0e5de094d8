"""What one sees while a run trains."""

import io
import sys
import time

import pytest

from ferlab.training.progress import Progress, _duration

METRICS = {
    "train/loss": 1.5,
    "val/loss": 1.25,
    "val/accuracy": 0.625,
    "val/f1": 0.5,
    "images_per_second": 550.4,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_it_is_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(epochs=3, images=100, done=1, monitor="val/f1")
    progress.batch(100)
    progress.epoch(METRICS, best=True)
    progress.epoch(METRICS, best=False)
    progress.close()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("epoch 2/3  train/loss 1.5000  val/loss 1.2500  val/accuracy 0.6250")
    assert "550 images/s" in first
    assert first.endswith("left  best")
    assert second.startswith("epoch 3/3")
    assert second.endswith("0:00 left")


def test_elsewhere_a_long_epoch_is_not_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress(epochs=3, images=28709, done=0, monitor="val/f1")
    for _ in range(5):
        now += 25.0
        progress.batch(128)
    assert capsys.readouterr().err == "epoch 1/3  384 of 28,709 images\n"
    progress.epoch(METRICS, best=True)
    now += 61.0
    progress.batch(128)
    assert capsys.readouterr().err.splitlines()[-1] == "epoch 2/3  128 of 28,709 images"


def test_on_a_terminal_each_epoch_stays_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    progress = Progress(epochs=100, images=1000, done=98, monitor="val/f1")
    progress.epoch(METRICS, best=True)
    progress.epoch(METRICS, best=False)
    progress.close()
    lines = [line for line in terminal.getvalue().splitlines() if "val/loss" in line]
    kept = [line.rpartition("\x1b[2K")[2] for line in lines]
    assert kept == [
        "epoch 99/100  val/loss 1.2500  val/accuracy 0.6250  val/f1 0.5000  best",
        "epoch 100/100  val/loss 1.2500  val/accuracy 0.6250  val/f1 0.5000",
    ]
    assert max(map(len, kept)) < 80


def test_on_a_terminal_it_is_one_bar_over_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(epochs=4, images=1000, done=1, monitor="val/f1")
    progress.batch(1000)
    progress.epoch(METRICS, best=True)
    progress.close()
    last = terminal.getvalue().split("\r")[-1]
    assert "epoch 3/4" in last
    assert "50%" in last  # one epoch done before, one now
    assert "images/s" in last
    assert "val/f1 0.5000" in last


def test_durations_are_read_at_a_glance() -> None:
    assert [_duration(s) for s in (0, 61, 3599.6, 7322)] == ["0:00", "1:01", "1:00:00", "2:02:02"]
