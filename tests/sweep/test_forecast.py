"""What a sweep will take and could tell, said before it begins."""

import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from statistics import NormalDist

import numpy as np
import psutil
import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.study.chance import foreseen, foreseen_paired
from ferlab.study.params import Params
from ferlab.sweep import sweeper
from ferlab.sweep.search import forecast
from ferlab.sweep.search.forecast import Forecast, may_be_long
from ferlab.sweep.search.syntax import parse
from tests import warm
from tests.processes import forked_by, wait_until
from tests.sweep.test_sweep import HERE, sweep

EXPERIMENT = """\
# @package _global_
defaults: [override /model: tiny]
study: {trials: 3, replicates: 2, workers: 2}
data: {images: 280}
trainer: {max_epochs: 3, threads: 1, batch_size: 64}
hydra: {sweeper: {params: {model.attention.kind: "choice(none,se)",
                           optimizer.lr: "interval(0.1,0.2)"}}}
"""


def planned(**changes: object) -> Forecast:
    plain = {
        "study": "s",
        "space": "endless",
        "trials": 12,
        "left": 10,
        "seeds": 3,
        "workers": 2,
        "speeds": [(4, 10.0, 0.75), (4, 30.0, 0.25)],
        "run_bytes": 2_000_000,
        "images": 3589,
        "is_pruned": False,
    }
    return Forecast(**{**plain, **changes})  # type: ignore[arg-type]


def test_the_time_is_that_of_all_runs_that_are_left_shared_among_the_workers() -> None:
    run = 4 * 15 + forecast._BESIDE
    assert planned().seconds == forecast._START + 30 * run / 2
    takes, tells = planned().brief()
    assert takes == "takes    16 min: 30 runs, 2 at a time; 60 MB"
    assert "with 3,589 images, a true difference of 1.9 points" in tells
    assert "the luckiest of 12 equally good ones looks 0.8 points better" in tells
    (takes, _) = planned(is_pruned=True, left=0).brief()
    assert takes == "takes    nothing more: all is trained"
    (takes, _) = planned(is_pruned=True, left=120).brief()
    assert takes.startswith("takes    3 h 9 min at most, for some trials are pruned: 360 runs")


def test_the_seeds_of_a_trial_are_trained_by_one_worker() -> None:
    run = 4 * 15 + forecast._BESIDE
    assert planned(left=3).seconds == forecast._START + 2 * 3 * run  # and the other trains half
    assert planned(left=3, workers=4).seconds == forecast._START + 3 * run


def test_what_is_foreseen_of_chance_is_what_chance_does() -> None:
    accuracy, images, seeds, trials = 0.6, 2000, 2, 8
    difference, luck = foreseen(accuracy, images, seeds, trials)
    rng = np.random.default_rng(1)
    runs = rng.binomial(images, accuracy, (4000, trials, seeds)).mean(axis=2) / images
    assert runs.max(axis=1).mean() - accuracy == pytest.approx(luck, rel=0.05)
    better = rng.binomial(images, accuracy + difference, (4000, seeds)).mean(axis=1) / images
    error = np.sqrt(2 * accuracy * (1 - accuracy) / images / seeds)
    found = np.mean(better - runs[:, 0] > 1.96 * error)
    assert found == pytest.approx(0.8, abs=0.03)


def test_what_is_foreseen_of_pairs_is_what_pairs_do() -> None:
    parted, images, seeds, level = 0.12, 3000, 5, 0.0125
    difference = foreseen_paired(parted, images, seeds, level)
    rng = np.random.default_rng(1)
    share = [(parted + difference) / 2, (parted - difference) / 2, 1 - parted]
    gained, lost, _ = np.moveaxis(rng.multinomial(images, share, (4000, seeds)), -1, 0)
    z = (gained - lost).mean(axis=1) / images / np.sqrt(parted / images / seeds)
    assert np.mean(z > NormalDist().inv_cdf(1 - level / 2)) == pytest.approx(0.8, abs=0.03)


def test_only_what_may_take_ten_minutes_is_measured_beforehand() -> None:
    small, large = compose(["model=tiny"]), compose(["model=seed"])
    assert not may_be_long(small, 3600, 6)
    assert not may_be_long(large, 100, 6)
    assert may_be_long(large, 28709, 6)


def test_lengths_of_runs_are_reckoned_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    space, _ = parse({"trainer.max_epochs": "choice(2,4)", "model": "choice(tiny,compact)"}, {})
    asked: list[object] = []

    def measure(_: object, points: list[Params], *__: object) -> list[tuple[int, float, int]]:
        asked.extend(point["model"] for point in points)
        return [(2, 3.0, 10), (2, 9.0, 90)]

    monkeypatch.setattr(forecast, "_measured", measure)
    speeds, size = forecast._speeds(space, lambda _: pytest.fail("composed"), 1, "cpu")  # type: ignore[arg-type]
    assert asked == ["tiny", "compact"]
    assert sorted(speeds) == [(2, 3.0, 0.25), (2, 9.0, 0.25), (4, 3.0, 0.25), (4, 9.0, 0.25)]
    assert size == 90
    assert (
        "measured 2 networks, 1 at a time: 3.0-9.0 s per epoch, 2-4 epochs"
        in planned(speeds=speeds, workers=1).lines()
    )


@pytest.mark.slow
def test_a_plan_measures_the_networks_and_begins_nothing(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["plan", "experiments/mine.yaml", "trainer.max_epochs=2"]) == 0
    study, measured, takes, tells = capsys.readouterr().out.splitlines()
    assert study == "study    mine: 3 trials, 2 seeds each; space: endless"
    assert re.fullmatch(
        r"measured 2 networks, 2 at a time: [\d.-]+ s per epoch, 2 epochs", measured
    )
    assert "min at most, for some trials are pruned: 6 runs, 2 at a time" in takes
    assert "with 32 images" in tells
    assert not (home / "studies").exists()
    assert not (home / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_long_sweep_says_what_it_takes_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forecast, "_FEW_PASSES", 0)
    monkeypatch.setattr(forecast, "LONG", 0.0)
    monkeypatch.setattr(sweeper, "LONG", 0.0)
    assert sweep(HERE, "seed=0,1", "study.trials=1") == 0
    told = [record.getMessage()[:9].strip() for record in caplog.records]
    assert told.index("takes") < told.index("tells") < told.index("space")
    assert "the luckiest of" not in caplog.text  # of one trial
    monkeypatch.setattr(forecast, "_measured", lambda *_: pytest.fail("nothing is left to train"))
    assert sweep(HERE, "seed=0,1", "study.trials=1") == 0


@pytest.mark.slow
def test_what_measures_ends_with_a_plan_that_is_killed(tmp_path: Path, home: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(EXPERIMENT)
    command = ["plan", "experiments/mine.yaml", "data.images=7000"]  # else measured in a moment
    with warm.started(command, tmp_path) as plan:
        measuring: set[psutil.Process] = set()

        def begin() -> bool:
            for process in forked_by(plan.pid):
                with suppress(psutil.NoSuchProcess):
                    process.suspend()  # the plan waits for it, however late the other is seen
                    measuring.add(process)
            return len(measuring) == 2

        plan.until(begin)
        os.kill(plan.pid, signal.SIGKILL)
        for process in measuring:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        wait_until(lambda: not any(map(_runs, measuring)))
    assert not (home / "mlflow.db").exists()


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
