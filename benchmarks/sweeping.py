"""What a sweep costs beside its training, and how busy it keeps its workers."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from benchmarks.measure import TrialRow, compare, scratch
from ferlab import paths
from ferlab.config import study as studies
from ferlab.tracking import store

EPOCHS = 5


def rows() -> Iterator[TrialRow]:
    """All that is measured here."""
    with scratch():
        yield _overhead()
        yield _busy()


def _overhead() -> TrialRow:
    """One warm worker: from trial to trial, against the training in between."""
    arguments = (f"trainer.max_epochs={EPOCHS}", "seed=range(0,3)", "hydra/launcher=basic")
    _sweep("overhead", *arguments)
    trials = _trials("overhead")
    client = store.connect(None)
    beyond, trained = [], []
    for before, trial in itertools.pairwise(trials):  # the first one is not warm
        run = client.get_run(trial.user_attrs["run_id"])
        trained.append(run.data.metrics["train_seconds"])
        beyond.append(_seconds(trial.datetime_complete, before.datetime_complete) - trained[-1])
    return compare(
        "a trial beyond its training: chosen, composed, recorded, told",
        f"its training: {EPOCHS} epochs on 9,000 drawn faces, a warm worker",
        iter(beyond).__next__,
        iter(trained).__next__,
        "s",
        "< 0.03",
        rounds=len(trained),
    )


def _busy() -> TrialRow:
    """Two workers over trials of one to six epochs, against the same trials two by two."""
    wall: dict[str, float] = {}

    def busy() -> float:
        name = f"busy-{time.monotonic_ns()}"
        _sweep(
            name,
            *("data.images=1200", "study.workers=2", "study/sampler=random", "study.trials=24"),
            *("trainer.max_epochs=range(1,6)", "seed=range(0,4)", "study.pruner=null"),
        )
        trials = _trials(name)
        lengths = [_seconds(t.datetime_complete, t.datetime_start) for t in trials]
        first = min(t.datetime_start for t in trials if t.datetime_start)
        last = max(t.datetime_complete for t in trials if t.datetime_complete)
        wall["batch"] = sum(map(max, lengths[::2], lengths[1::2]))
        wall["work"] = sum(lengths)
        return wall["work"] / (2 * (last - first).total_seconds())

    return compare(
        "workers' busy share: two workers, 24 trials of 1 to 6 epochs",
        "reckoned for the same trials in batches of two",
        busy,
        lambda: wall["work"] / (2 * wall["batch"]),
        "of the time",
        "ours > 0.95",
    )


def settings_of(sampler: str) -> studies.StudyConfig:
    with initialize_config_dir(str(paths.shipped() / "conf"), version_base="1.3"):
        config = compose("config", [f"study/sampler={sampler}", "study.trials=20000"])
    plain: dict[str, object] = OmegaConf.to_container(config.study, resolve=True)  # type: ignore[assignment]
    return studies.check_study(plain)


def _sweep(name: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "ferlab", "train", "-m", f"study.name={name}", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def _trials(name: str) -> Sequence[FrozenTrial]:
    path = Path(paths.home(), "studies", f"{name}.log")
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=name, storage=storage).trials


def _seconds(end: object, start: object) -> float:
    return (end - start).total_seconds()  # type: ignore[operator, no-any-return]
