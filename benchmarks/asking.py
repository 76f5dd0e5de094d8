"""What a trial costs of a study's own: chosen and told, early and late, by ferlab and by Optuna alone.

All times are CPU times: others on the machine lengthen them by what they take from its caches.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GridSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import create_trial

from benchmarks.measure import TrialRow, compare, scratch
from benchmarks.sweeping import settings_of
from ferlab import paths
from ferlab.sweep.search.components import build_sampler
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers.shared_study import SharedStudy

LATE, EARLY, BUDGET = 10_000, 100, 20_000
CLAIMS = 20

RATES = {"lr": "tag(log, interval(0.001, 0.1))"}
POINTS = {"lr": f"range(0, {BUDGET - 1})"}

SAMPLERS: dict[str, tuple[dict[str, str], Callable[[], BaseSampler]]] = {
    "random": (RATES, lambda: build_sampler(settings_of("random").sampler, 0)),
    "tpe": (RATES, lambda: build_sampler(settings_of("tpe").sampler, 0)),
    "grid": (POINTS, lambda: GridSampler({"lr": list(range(BUDGET))}, seed=0)),
}
"""The space that each searches, and the one of Optuna's that does so by itself, with the same settings.

Optuna's grid keeps all its points with each trial, 100 KB of these: trials that were there before
have none, so that its time is that of the first trials that it asks for.
"""


def rows() -> Iterator[TrialRow]:
    """All that is measured here."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with scratch():
        early = filled("random", EARLY)
        late = {sampler: filled(sampler, LATE) for sampler in SAMPLERS}
        yield compare(
            "ask and tell at trial 10,000, journal, random sampler, CPU time",
            "at trial 100",
            lambda: ours(late["random"], "random"),
            lambda: ours(early, "random"),
            "s",
            "< 2",
        )
        for sampler, goal in (("random", "as told"), ("tpe", "< 1.5"), ("grid", "< 1")):
            yield compare(
                f"ask and tell at trial 10,000, journal, {sampler}, CPU time",
                f"Optuna alone, {sampler}",
                lambda name=late[sampler], sampler=sampler: ours(name, sampler),  # type: ignore[misc]
                lambda name=late[sampler], sampler=sampler: optunas(name, sampler),  # type: ignore[misc]
                "s",
                goal,
            )


def ours(name: str, sampler: str) -> float:
    """Seconds of a claim through ferlab."""
    space = _space(sampler)
    settings = settings_of("random" if sampler == "grid" else sampler)
    if sampler == "grid":
        settings = settings.model_copy(update={"trials": None})
    feasible = Feasibility(settings.constraints, ComposedConfigs(()))
    study = SharedStudy(name, settings, space, feasible, BUDGET, session="1")

    def claim() -> None:
        trial = study.next_trial(worker, float("inf"))
        assert trial is not None  # noqa: S101  for the types
        study.optuna.tell(trial.number, 0.5)

    with study.liveness.at_work() as worker:
        return _busy_seconds(claim)


def optunas(name: str, sampler: str) -> float:
    """Seconds of a claim through Optuna alone, on the same journal."""
    study = optuna.load_study(
        study_name=name, storage=_journal(name), sampler=SAMPLERS[sampler][1]()
    )
    (parameter,) = _space(sampler).parameters

    def claim() -> None:
        trial = study.ask({"lr": parameter.distribution})
        study.tell(trial, 0.5)

    return _busy_seconds(claim)


def filled(sampler: str, count: int) -> str:
    """The name of a study that has so many complete trials; it is begun anew where it is there."""
    name, (parameter,) = f"{sampler}-{count}", _space(sampler).parameters
    path = paths.home() / "studies" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(storage=_journal(name), study_name=name, direction="maximize")
    drawn = (_value(parameter.distribution, i, count) for i in range(count))
    study.add_trials(
        create_trial(
            params={"lr": value},
            distributions={"lr": parameter.distribution},
            value=i / count,
            user_attrs={"params": {"lr": value}, "worker": "gone", "session": "0"},
        )
        for i, value in enumerate(drawn)
    )
    return name


def _value(distribution: BaseDistribution, number: int, count: int) -> float:
    return (
        number
        if isinstance(distribution, optuna.distributions.IntDistribution)
        else (0.001 + 0.09 * number / count)
    )


def _space(sampler: str) -> Space:
    return parse(SAMPLERS[sampler][0], {})[0]


def _journal(name: str) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(paths.home() / "studies" / f"{name}.log")))


def _busy_seconds(claim: Callable[[], None]) -> float:
    """CPU time of a claim, the median of some; the first two are not warm."""
    took = []
    for _ in range(CLAIMS + 2):
        started = time.process_time()
        claim()
        took.append(time.process_time() - started)
    return statistics.median(took[2:])
