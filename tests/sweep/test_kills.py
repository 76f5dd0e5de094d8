"""Signals at random moments, to a process of a sweep or all: what it comes to is the same."""

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from ferlab.config import check
from ferlab.tracking import store
from ferlab.tracking.entry import recorded_config
from ferlab.training.run import train
from tests import warm
from tests.sweep.test_sweep import FAST, children, runs, trials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

IS_SOAK = bool(os.environ.get("FERLAB_SOAK"))

ROUNDS, KILLS, TRIALS, EPOCHS = (25, 40, 16, 12) if IS_SOAK else (1, 8, 12, 5)
"""How many sweeps, and of each: how often it is killed, and what it is to come to."""

STOPPED = 2.0
"""Seconds, at most, that one sleeps before it is killed."""


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_killed_again_and_again_a_sweep_ends_as_if_it_had_not_been(
    _round: int, home: Path, tmp_path: Path, record_property: Any
) -> None:
    seed = random.randrange(1000)
    print(f"kills drawn with seed {seed}")  # noqa: T201  shown where the test fails
    chance = random.Random(seed)
    command = [
        *("train", "-m", *FAST, "study.name=k"),
        *(f"study.trials={TRIALS}", "study.workers=2", f"trainer.max_epochs={EPOCHS}"),
        *("model.attention.kind=none,se", "optimizer.lr=0.05,0.1", "seed=range(0,9)"),
    ]
    journal = home / "studies" / "k.log"
    counted: Counter[str] = Counter()
    with ExitStack() as stack:
        sweep = stack.enter_context(warm.started(command, tmp_path))
        for kill in range(KILLS):
            before = _epochs(journal)
            sweep.until(lambda before=before: _epochs(journal) > before)  # every kill meets work
            time.sleep(chance.uniform(0, 0.4))
            sweeper = psutil.Process(sweep.pid)
            below = sweeper.children(recursive=True)  # workers, and the server that forks them
            everything = kill % 4 == 3 or not below
            victims = [sweeper, *below] if everything else [chance.choice(below)]
            if kill % 4 == 1:  # first it is put to sleep, as by a laptop's lid
                counted["stopped first"] += 1
                for victim in victims:
                    victim.send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0, STOPPED))
            counted["kills of all" if everything else "kills of one below"] += 1
            for victim in victims:
                victim.kill()
            if everything:
                stack.close()
                sweep = stack.enter_context(warm.started(command, tmp_path))
        assert sweep.finish() == 0, sweep.told()

    states = Counter(trial.state.name for trial in trials(home, "k"))
    assert states["COMPLETE"] + states["PRUNED"] == TRIALS
    assert set(states) <= {"COMPLETE", "PRUNED", "FAIL"}  # FAIL: withdrawn before it began
    chosen = [trial for trial in trials(home, "k") if "params" in trial.user_attrs]
    points = [json.dumps(trial.user_attrs["params"]) for trial in chosen]
    # Chance may kill the workers of one trial five times before it has come to an epoch.
    given_up = [trial.user_attrs["why"] for trial in chosen if trial.state.name == "FAIL"]
    assert set(given_up) <= {"5 workers died over it, one after the other"}
    assert len(points) == len(set(points)) == TRIALS + len(given_up)
    resumed = {t.user_attrs.get("run_id") for t in chosen if "deaths" in t.user_attrs}
    assert len(resumed) >= 2  # gone on with by another
    ended = Counter(run.info.status for run in runs(study="k"))
    assert ended["FAILED"] <= len(given_up)
    assert set(ended) <= {"FINISHED", "KILLED", "FAILED"}
    done = [run for run in children("k") if run.info.status != "FAILED"]
    assert len(done) == TRIALS
    assert not (home / "work").exists() or list((home / "work").iterdir()) == []

    counted["trials given up"] += len(given_up)
    record_property("counted", dict(counted))

    complete = [run for run in done if run.info.status == "FINISHED"]
    assert len(complete) == states["COMPLETE"] > 0
    for run in sorted(complete, key=lambda run: run.info.run_id not in resumed)[:6]:
        config = check(recorded_config(store.connect(None), run.info.run_id))
        alone = train(config).predictions.digest
        assert run.data.tags["ferlab.predictions.digest"] == alone


def _epochs(journal: Path) -> int:
    return journal.read_bytes().count(b"intermediate_value") if journal.exists() else 0
