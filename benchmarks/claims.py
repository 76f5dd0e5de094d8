"""Claims (ask and tell) a second that a study takes from many workers, on each storage.

``python -m benchmarks claims``; the default set leaves it out. Nothing is trained. The workers are
threads, of which one runs at a time, on a clock that runs with the CPU time of this process and
leaves out what all of them would sleep: so all workers, their looks at each other included, share
one core. Waits for a disk, and the work of a database's own server, are not in it.
"""

import heapq
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

from benchmarks.measure import TrialRow, compare, scratch
from benchmarks.sweeping import settings_of
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers import liveness, shared_study
from ferlab.sweep.workers.shared_study import SharedStudy

_STORAGE = "FERLAB_BENCHMARK_STORAGE"
"""Variable that names one storage more, an empty database."""

WORKERS = 200
MEASURED = 200
"""Claims that are measured, after one of each worker."""


def rows() -> Iterator[TrialRow]:
    """All that is measured here."""
    with scratch() as folder:
        storages = {"journal": None, "SQLite": f"sqlite:///{folder}/studies.db"}
        if url := os.environ.get(_STORAGE):
            storages["database"] = url
        for what, storage in storages.items():
            yield _row(what, storage)


def _row(what: str, storage: str | None) -> TrialRow:
    def rate(workers: int) -> float:
        ends = claims(workers, storage)
        return MEASURED / (ends[-1] - ends[workers - 1])

    return compare(
        f"claims a second, {WORKERS} workers that all ask at once, {what}",
        "one worker",
        lambda: rate(WORKERS),
        lambda: rate(1),
        "/s",
        "as large as can be",
        rounds=1,
    )


class Clock:
    """A clock for threads that take turns: it skips the time in which all of them would sleep."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()

    def time(self) -> float:
        """Seconds."""
        return time.process_time() + self._skipped

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Let others run for at least as long."""
        turn = self._turn_in(seconds)
        self._wake_next()
        turn.wait()

    def run(self, task: Callable[[], None], times: int) -> None:
        """Run a task in so many threads, to their ends."""
        threads = [
            threading.Thread(target=self._live, args=(task, self._turn_in(0)), daemon=True)
            for _ in range(times)
        ]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()

    def _live(self, task: Callable[[], None], turn: threading.Event) -> None:
        turn.wait()
        try:
            task()
        finally:
            if self._sleeping:
                self._wake_next()

    def _turn_in(self, seconds: float) -> threading.Event:
        turn = threading.Event()
        heapq.heappush(self._sleeping, (self.time() + seconds, next(self._order), turn))
        return turn

    def _wake_next(self) -> None:
        until, _, turn = heapq.heappop(self._sleeping)
        self._skipped += max(0.0, until - self.time())
        turn.set()


def claims(workers: int, storage: str | None, mean: float = 0.0) -> Sequence[float]:
    """The times at which trials ended, in seconds; a trial takes about ``mean`` seconds."""
    space, _ = parse({"lr": "tag(log, interval(0.001, 0.1))"}, {})
    config = settings_of("random").model_copy(update={"storage": storage})
    clock, draw, ends = Clock(), random.Random(0), []  # noqa: S311  no secret
    budget = workers + MEASURED

    def work() -> None:
        feasible = Feasibility(config.constraints, ComposedConfigs(()))
        study = SharedStudy(f"w{workers}", config, space, feasible, budget, session="1")
        with study.liveness.at_work() as worker:
            while (trial := study.next_trial(worker, float("inf"))) is not None:
                clock.sleep(mean * draw.uniform(0.5, 1.5))
                study.optuna.tell(trial.number, draw.random())
                ends.append(clock.time())

    with (
        mock.patch.object(shared_study, "time", clock),
        mock.patch.object(liveness, "INTERVAL", 1e6),
    ):
        clock.run(work, workers)
    return ends
