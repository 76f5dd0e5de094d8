"""What a sweep costs beside its training, and how busy it keeps its workers."""

import contextlib
import io
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import optuna
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, create_trial

from benchmarks.measure import TrialRow, compare, scratch
from ferlab import paths
from ferlab.config import study as studies
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.tracking import store

EPOCHS = 5


def rows() -> Iterator[TrialRow]:
    """All that is measured here."""
    with scratch():
        yield _overhead()
        yield _busy()
        yield from _ask_and_tell()


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


def _ask_and_tell() -> Iterator[TrialRow]:
    """The sweep's own share of a trial, late in a long study and early, in CPU time.

    TPE goes through all trials by itself, in Optuna alone as well, so it is compared with that.
    """
    space, _ = parse({"lr": "tag(log, interval(0.001, 0.1))"}, {})
    with contextlib.redirect_stderr(io.StringIO()):
        late, early = (_filled(count, space.parameters[0].distribution) for count in (10_000, 100))

    def ours(name: str, sampler: str) -> float:
        settings = _settings(sampler)
        is_feasible = Feasibility(settings.constraints, ComposedConfigs(()))
        study = SharedStudy(name, settings, space, is_feasible, 20_000, session="1")

        def claim() -> None:
            trial = study.next_trial(worker, float("inf"))
            assert trial is not None  # noqa: S101
            study.optuna.tell(trial.number, 0.5)

        with study.liveness.at_work() as worker:
            return _busy_seconds(claim)

    def optunas(name: str) -> float:
        storage = JournalStorage(JournalFileBackend(str(paths.home() / "studies" / f"{name}.log")))
        sampler = optuna.samplers.TPESampler(seed=0)
        study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)

        def claim() -> None:
            trial = study.ask()
            trial.suggest_float("lr", 0.001, 0.1, log=True)
            study.tell(trial, 0.5)

        return _busy_seconds(claim)

    journal = paths.home() / "studies" / f"{late}.log"
    begun = journal.read_bytes()
    yield compare(
        "ask and tell at trial 10,000, journal, random sampler, CPU time",
        "at trial 100",
        lambda: ours(late, "random"),
        lambda: ours(early, "random"),
        "s",
        "< 2",
    )
    journal.write_bytes(begun)  # another sampler cannot go on where one has drawn
    yield compare(
        "ask and tell at trial 10,000, journal, TPE, CPU time",
        "Optuna alone, TPE",
        lambda: ours(late, "tpe"),
        lambda: optunas(late),
        "s",
        "< 1.5",
    )


def _busy_seconds(claim: Callable[[], None]) -> float:
    """CPU time of a claim, the median of some; the first two are not warm."""
    took = []
    for _ in range(22):
        started = time.process_time()
        claim()
        took.append(time.process_time() - started)
    return statistics.median(took[2:])


def _filled(count: int, distribution: optuna.distributions.BaseDistribution) -> str:
    """The name of a study that has so many complete trials."""
    assert isinstance(distribution, FloatDistribution)  # noqa: S101
    name = f"filled-{count}"
    folder = paths.home() / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(folder / f"{name}.log")))
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    study.add_trials(
        create_trial(
            params={"lr": 0.001 + 0.09 * i / count},
            distributions={"lr": distribution},
            value=i / count,
            user_attrs={"params": {"lr": i / count}, "worker": "gone", "session": "0"},
        )
        for i in range(count)
    )
    return name


def _settings(sampler: str) -> studies.StudyConfig:
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
