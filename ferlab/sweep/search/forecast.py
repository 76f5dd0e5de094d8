"""What a sweep will take, and what it will be able to tell, before it begins."""

import random
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil

from ferlab.config import Config
from ferlab.config.study import StudyConfig
from ferlab.study.chance import foreseen
from ferlab.study.objectives import format_difference
from ferlab.study.params import Params, identity
from ferlab.sweep.launchers import forked
from ferlab.sweep.launchers.processes import share
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.trial_configs import TrialConfigs
from ferlab.text import pluralize

_BESIDE = 3.0
"""Seconds that a run takes beside its epochs: figures, model and scores are recorded."""

_START = 10.0
"""Seconds until a worker trains: it imports torch, and reads the data."""

LONG = 600.0
"""Seconds from which on a sweep says beforehand what it takes."""

_FEW_PASSES = 50_000
"""Images through a network, forward and back, that no worker takes ten minutes for."""

_OPERATIONS = 2e11
"""That a worker does in a second, at most."""

_OTHER_BYTES = 600_000
"""That a run leaves behind beside weights: figures, predictions, the state of the images."""

_COPIES = 3
"""Of the weights: the model, the checkpoint, and in that the optimizer's momentum."""

_DRAWN = 200
"""Points that stand for a larger space."""

_MEASURED = 12
"""Distinct costs that are measured at most, the most frequent first."""

_ACCURACY = 0.6
"""That is reckoned with where nothing is trained yet."""

_FREE = ("optimizer", "scheduler", "loss", "seed")
"""Sections of a config that hardly change how long an epoch takes."""

_EPOCHS = "trainer.max_epochs"
"""The key that says how many there are, and nothing of how long one takes."""


@dataclass(frozen=True)
class Forecast:
    """What a study will take.

    Attributes:
        study: its name.
        space: its size, in words.
        trials: that are to count.
        left: those that are not trained yet.
        seeds: of each.
        workers: that train at a time.
        speeds: epochs, seconds per epoch as measured, and the share of the space that has both;
            empty where nothing is left to train.
        run_bytes: that a run leaves behind.
        images: on which each run is scored.
        is_pruned: whether some trials end early.
    """

    study: str
    space: str
    trials: int
    left: int
    seeds: int
    workers: int
    speeds: Sequence[tuple[int, float, float]]
    run_bytes: int
    images: int
    is_pruned: bool

    @property
    def runs(self) -> int:
        """How many models are left to be trained."""
        return self.left * self.seeds

    @property
    def seconds(self) -> float:
        """From the command to its end, if no trial is pruned."""
        share = sum(share for _, _, share in self.speeds)
        mean = sum(epochs * seconds * share for epochs, seconds, share in self.speeds) / share
        return _START + rounds(self.left, self.workers) * self.seeds * (mean + _BESIDE)

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        seeds = f", {self.seeds} seeds each" if self.seeds > 1 else ""
        trials = pluralize(self.trials, "trial")
        yield f"study    {self.study}: {trials}{seeds}; space: {self.space}"
        if self.speeds:
            yield self.measured()
        yield from self.brief()

    def measured(self) -> str:
        """What was measured, for a person to read."""
        epochs = sorted({epochs for epochs, _, _ in self.speeds})
        slowest, fastest = (f(s for _, s, _ in self.speeds) for f in (max, min))
        per_epoch = f"{fastest:.1f}" if fastest == slowest else f"{fastest:.1f}-{slowest:.1f}"
        networks = len({seconds for _, seconds, _ in self.speeds})
        return (
            f"measured {pluralize(networks, 'network')}, {self.workers} at a time: "
            f"{per_epoch} s per epoch, {'-'.join(map(str, sorted({epochs[0], epochs[-1]})))} epochs"
        )

    def brief(self) -> Iterator[str]:
        """The two lines that matter."""
        yield self.takes(" at most, for some trials are pruned" if self.is_pruned else "")
        difference, luck = foreseen(_ACCURACY, self.images, self.seeds, self.trials)
        told = [format_difference("val/accuracy", value, 1) for value in (difference, luck)]
        text = f"with {pluralize(self.images, 'image')}, a true difference of {told[0]} between "
        text += "two trials, four times of five"
        if self.trials > 1:
            text += f"; the luckiest of {self.trials:,} equally good ones looks {told[1]} better "
            text += "than it is"
        yield f"tells    {text}"

    def takes(self, most: str = "") -> str:
        """Time and room; ``most`` says why it may be less."""
        if not self.runs:
            return "takes    nothing more: all is trained"
        return (
            f"takes    {_format_time(self.seconds)}{most}: {pluralize(self.runs, 'run')}, "
            f"{self.workers} at a time; {self.runs * self.run_bytes / 1e6:,.0f} MB"
        )


def forecast(
    name: str,
    settings: StudyConfig,
    space: Space,
    configs: TrialConfigs,
    *,
    trials: int,
    left: int,
    workers: int,
    device: str,
    images: int,
) -> Forecast:
    """Measure a little of what a study would train; nothing is recorded.

    As many processes measure at a time as workers will train.

    Args:
        name: of the study.
        settings: of the study.
        space: to search.
        configs: of its points.
        trials: that are to count.
        left: those that are not trained yet.
        workers: that train at a time.
        device: that they train on, ``trainer.device``.
        images: on which each is scored.

    Raises:
        FerlabError: the data or a config cannot be used.
    """
    speeds, run_bytes = _speeds(space, configs, workers, device) if left else ([], 0)
    return Forecast(
        study=name,
        space=space.told(_DRAWN),
        trials=trials,
        left=left,
        seeds=settings.replicates,
        workers=workers,
        speeds=speeds,
        run_bytes=run_bytes,
        images=images,
        is_pruned=settings.pruner is not None,
    )


def _speeds(
    space: Space, configs: TrialConfigs, workers: int, device: str
) -> tuple[list[tuple[int, float, float]], int]:
    """The speeds of a `Forecast`, and the most bytes that a run leaves behind."""
    alike: defaultdict[str, list[Params]] = defaultdict(list)
    for params in _sample(space):
        costly = {k: v for k, v in params.items() if _section(k) not in _FREE and k != _EPOCHS}
        alike[identity(costly)].append(params)
    common = sorted(alike.values(), key=len, reverse=True)[:_MEASURED]
    found = _measured(configs, [points[0] for points in common], workers, device)
    counts = Counter(
        (length if isinstance(length := params.get(_EPOCHS), int) else epochs, seconds)
        for points, (epochs, seconds, _) in zip(common, found, strict=True)
        for params in points
    )
    speeds = [(*speed, count / counts.total()) for speed, count in counts.items()]
    return speeds, max(size for _, _, size in found)


def _measured(
    configs: TrialConfigs, points: Sequence[Params], workers: int, device: str
) -> list[tuple[int, float, int]]:
    """What `_measure` finds of each point, in processes that share the machine as workers do."""
    asked = [points[i % len(points)] for i in range(max(len(points), workers))]
    with ExitStack() as stack:
        pools, jobs = [], []
        for i in range(workers):
            with forked.starting(share(i, workers, device)) as environment:
                pool = ProcessPoolExecutor(
                    1, forked.CONTEXT, initializer=_begin, initargs=(environment,)
                )
                pools.append(stack.enter_context(pool))
                jobs.append(pool.submit(_measure, configs, asked[i]))  # its process starts with it
        jobs += [
            pools[i % workers].submit(_measure, configs, asked[i])
            for i in range(workers, len(asked))
        ]
        return [job.result() for job in jobs][: len(points)]


def _begin(environment: dict[str, str]) -> None:
    """Begin as a process that measures."""
    forked.begin_here(environment, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forked.SIGNALS)


def rounds(trials: int, workers: int) -> int:
    """How many of so many trials a worker trains, at most; the seeds of one stay together."""
    return ceil(trials / workers)


def may_be_long(config: Config, images: int, runs: int) -> bool:
    """Whether so many runs may take more than ten minutes, reckoned without measuring.

    Args:
        config: of one of them.
        images: that it trains on.
        runs: one after the other.
    """
    passes = images * config.trainer.max_epochs * runs
    if passes < _FEW_PASSES:
        return False
    from ferlab.models import classifier, cost  # noqa: PLC0415  torch, where it is needed

    built = classifier.build_allowed(config.model.network(), 0.0, 1.0, config.targets())
    operations = 6 * cost.multiply_adds(built.network)  # forward once, backward twice
    return passes * operations / _OPERATIONS > LONG


def _sample(space: Space) -> Iterator[Params]:
    """All points of a small space; of others some, drawn alike at every call."""
    if space.is_finite:
        points = [params for params, _ in zip(space.all_params(), range(_DRAWN + 1), strict=False)]
        if len(points) <= _DRAWN:
            yield from points
            return
    drawn = random.Random(0)  # noqa: S311  no secret
    for _ in range(_DRAWN):
        yield space.draw(lambda param: drawn.choice(param.values() or param.ends()))


def _format_time(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _section(key: str) -> str:
    return key.lstrip("/").partition(".")[0].partition("/")[0]


def _measure(configs: TrialConfigs, params: Params) -> tuple[int, float, int]:
    """Of one point: epochs, seconds per epoch, and bytes that a run leaves behind."""
    from ferlab.models import classifier, cost  # noqa: PLC0415  torch, where it is needed
    from ferlab.training.speed import seconds_per_epoch  # noqa: PLC0415

    config = configs(params)
    allow = config.names()
    seconds = seconds_per_epoch(config, allow)
    network = classifier.build_allowed(config.model.network(), 0.0, 1.0, allow)
    return config.trainer.max_epochs, seconds, _OTHER_BYTES + _COPIES * 4 * cost.parameters(network)
