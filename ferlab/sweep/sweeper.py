"""The sweep as a whole: the study is opened, workers are launched, the end is told."""

import hashlib
import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from ferlab import paths
from ferlab.config import Config, compose
from ferlab.config.study import StudyConfig, check_study
from ferlab.errors import ConfigError
from ferlab.sweep import space as spaces
from ferlab.sweep.limits import Limits
from ferlab.sweep.processes import gpus
from ferlab.sweep.result import SweepResult
from ferlab.sweep.space import Space
from ferlab.sweep.storage import exists
from ferlab.sweep.study import SharedStudy
from ferlab.sweep.view import view
from ferlab.sweep.worker import Task
from ferlab.tracking import store
from ferlab.tracking import sweep as tracking
from ferlab.tracking.run import flatten

_LARGEST_GRID = 10_000


def sweep(
    context: HydraContext,
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
    new: bool,
) -> SweepResult:
    """Open the study, launch the workers, and say how it ended.

    Args:
        context: Hydra's.
        config: composed from what is not swept.
        params: see `ferlab.sweep.space.parse`.
        when: see `ferlab.sweep.space.parse`.
        arguments: the command line's overrides, swept ones among them.
        new: whether to begin another study where there is one of this name.

    Raises:
        FerlabError: the config, the space or the study cannot be used.
    """
    settings = check_study(OmegaConf.to_container(config.study, resolve=True))  # type: ignore[arg-type]
    space, shared = _space(params, when, arguments)
    if settings.replicates > 1 and any(param.key == "seed" for param in space.params):
        raise ConfigError("config: seed: is swept already; leave study.replicates at 1")
    limits = Limits(settings.constraints, shared)
    first = compose([*shared, *spaces.overrides(space.first())])
    budget = _budget(settings, space, limits)
    about = _describe(settings, space, first)
    name = settings.name or _name(config, about)
    if new:
        name = _free(settings.storage, name)

    study = SharedStudy(name, settings, space, limits, budget, sitting=uuid.uuid4().hex)
    run_id = _open(study, first, about)
    task = Task(
        study=name,
        config=settings,
        space=space,
        budget=budget,
        shared=tuple(shared),
        sitting=study.sitting,
        deadline=time.time() + 3600 * settings.hours if settings.hours else float("inf"),
        home=str(paths.home()),
        folder=str(Path.cwd()),
    )
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )
    jobs = [shared] * _workers(settings, budget)
    ended: Sequence[JobReturn] = []
    interrupted = False
    try:
        with _terminated():
            ended = launcher.launch(jobs, initial_job_idx=0)
    except KeyboardInterrupt:
        interrupted = True
    return _result(study, first, run_id, budget, interrupted, _errors(ended))


def _errors(ended: Sequence[JobReturn]) -> list[str]:
    """What ended workers before their time, each error once."""
    failed = [job for job in ended if job.status != JobStatus.COMPLETED]
    return list(dict.fromkeys(str(job._return_value) for job in failed))


@contextmanager
def _terminated() -> Iterator[None]:
    """Let SIGTERM end the sweep as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _space(
    params: Mapping[str, Any], when: Mapping[str, Any], arguments: Sequence[str]
) -> tuple[Space, list[str]]:
    """The space and the shared overrides; what is typed goes before what is in a file."""
    typed = {text.partition("=")[0].lstrip("+~"): text for text in arguments}
    space, shared = spaces.parse({**params}, when, list(typed.values()))
    if not space.params:
        raise ConfigError(
            "config: nothing is swept; give several values, as in optimizer.lr=0.05,0.1, "
            "or hydra.sweeper.params in an experiment"
        )
    return space, shared


def _budget(settings: StudyConfig, space: Space, limits: Limits) -> int:
    if settings.trials is not None:
        return settings.trials
    count = spaces.size(space, _LARGEST_GRID, limits)
    if count is None:
        raise ConfigError(
            "config: study.trials: is required where the space has no end, "
            f"or more than {_LARGEST_GRID:,} points"
        )
    return count


def _workers(settings: StudyConfig, budget: int) -> int:
    cores = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    if settings.workers == "auto":
        return min(len(gpus()) or max(1, cores // 2), budget)
    return min(settings.workers, budget)


def _describe(settings: StudyConfig, space: Space, first: Config) -> dict[str, Any]:
    """What a study is, flat: it may not change while the study goes on."""
    swept = [param.key for param in space.params]
    machine = ("trainer.device", "trainer.threads", "tracking.uri")
    config = {
        key: value
        for key, value in flatten(first.plain()).items()
        if key not in machine and not any(key == s or key.startswith(f"{s}.") for s in swept)
    }
    kept = settings.model_dump(
        by_alias=True,
        include={
            *("question", "objective", "replicates", "constraints", "baseline"),
            *("seed", "sampler", "pruner"),
        },
    )
    return {
        **{f"space {key}": value for key, value in space.describe().items()},
        **{f"study.{key}": value for key, value in flatten(kept).items()},
        **config,
    }


def _name(config: DictConfig, about: Mapping[str, Any]) -> str:
    experiment = OmegaConf.select(config, "hydra.runtime.choices.experiments")
    if experiment:
        return str(experiment)
    return f"sweep-{hashlib.blake2b(json.dumps(about).encode(), digest_size=4).hexdigest()}"


def _free(storage: str | None, name: str) -> str:
    """The name, or the first of NAME-2, NAME-3 and so on that no study has."""
    names = itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2)))
    return next(candidate for candidate in names if not exists(storage, candidate))


def _open(study: SharedStudy, first: Config, about: dict[str, Any]) -> str:
    """Refuse another study of this name; returns the id of the study's MLflow run."""
    known = study.optuna.user_attrs.get("about")
    if known is None:
        study.optuna.set_user_attr("about", about)
    elif known != json.loads(json.dumps(about)):
        keys = [key for key in {**known, **about} if known.get(key) != about.get(key)]
        changes = "; ".join(f"{key}: {known.get(key)} -> {about.get(key)}" for key in keys)
        raise ConfigError(
            f"the study '{study.name}' was begun with something else ({changes}); "
            "take another study.name, or --new"
        )
    client = store.connect(first.tracking.uri)
    shown = {"question": about.get("study.question"), **about}
    run_id = tracking.parent(client, first.tracking.experiment, study.name, shown)
    study.optuna.set_user_attr("run_id", run_id)
    return run_id


def _result(
    study: SharedStudy,
    first: Config,
    run_id: str,
    budget: int,
    interrupted: bool,
    errors: list[str],
) -> SweepResult:
    counts = study.counts()
    failed = counts.failed > study.config.max_failures
    is_over = counts.counted >= budget or not (interrupted or errors or counts.running)
    table = view(study, budget, first)
    best = table.best
    tracking.end_parent(
        store.connect(first.tracking.uri),
        run_id,
        "FAILED" if failed else "FINISHED" if is_over else "KILLED",
        asdict(counts),
        (best.run_id, best.values[0]) if best and best.run_id and best.values else None,
    )
    return SweepResult(table, run_id, counts, budget, is_over, failed, errors)
