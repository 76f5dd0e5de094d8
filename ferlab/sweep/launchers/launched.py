"""Workers on a launcher of Hydra's: asked for, and again where it has lost some."""

import logging
import os
from collections.abc import Sequence
from functools import partial

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from ferlab.errors import ConfigError, FerlabError
from ferlab.outage import Patience
from ferlab.sweep.launchers.processes import RESPAWNS
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.text import shorten

_log = logging.getLogger("ferlab")

_LONGEST = 200
"""Characters of what a launcher says of a loss; some send along what its process has written."""


def launch(
    context: HydraContext,
    task: TaskFunction,
    config: DictConfig,
    jobs: Sequence[Sequence[str]],
    study: SharedStudy,
    patience: Patience,
) -> Sequence[JobReturn]:
    """Run jobs, one for each worker of a study; returns when all have ended.

    A launcher raises where it lost a worker, with its process or its machine. Whom it has not lost
    works on meanwhile, and who is asked for again ends only when nothing is left to do.

    Args:
        context: Hydra's.
        task: what a worker does.
        config: names the launcher.
        jobs: the overrides of each.
        study: as the command sees it, whose session is that of the workers.
        patience: with its storage.

    Raises:
        KeyboardInterrupt: a worker, or this process, was asked to end.
        FerlabError: a job cannot be composed.
    """
    launcher = _launcher(context, task, config)
    asked, wanted, left, done = 0, len(jobs), RESPAWNS, -1
    while True:
        try:
            return launcher.launch(jobs[:wanted], initial_job_idx=asked)
        except FerlabError:
            raise
        except Exception as error:  # as each launcher has its own
            told = shorten(f"{type(error).__name__}: {' '.join(str(error).split())}", _LONGEST)
            counted, has_begun, at_work = patience.call(partial(_stand, study))
            if study.is_over():
                return []
            left = RESPAWNS if counted > done else left - 1
            if not has_begun or left == 0:
                return [_failed(told)]
            asked, wanted, done = asked + wanted, max(1, len(jobs) - at_work), counted
            _log.info("lost     a worker: %s; asks for %d again", told, wanted)


def check_launcher(context: HydraContext, config: DictConfig) -> None:
    """Refuse a launcher with settings that it does not take, before anything is created.

    Raises:
        ConfigError: which one, and why.
    """
    try:
        _launcher(context, lambda _: None, config)
    except Exception as error:  # as each launcher has its own
        why = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(
            f"hydra.launcher: {shorten(why, _LONGEST)}; hydra/launcher=NAME chooses another"
        ) from error


def _launcher(context: HydraContext, task: TaskFunction, config: DictConfig) -> Launcher:
    _let_ray_join(config)
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )


def _stand(study: SharedStudy) -> tuple[int, bool, int]:
    """How many trials count, whether a worker of this session had one, and how many have now."""
    own = [t for t in study.trials() if t.user_attrs.get("session") == study.session]
    open_trials = [trial for trial in own if not trial.state.is_finished()]
    at_work = sum(not study.liveness.is_dead(t.user_attrs["worker"]) for t in open_trials)
    return study.counts().counted, bool(own), at_work


def _failed(why: str) -> JobReturn:
    ended = JobReturn(status=JobStatus.FAILED)
    ended.return_value = FerlabError(why)
    return ended


def _let_ray_join(config: DictConfig) -> None:
    """Have Ray's launcher join a cluster; it would ask for objects' memory, which that refuses."""
    init = OmegaConf.select(config, "hydra.launcher.ray.init")
    if init is not None and (init.get("address") or os.environ.get("RAY_ADDRESS")):
        with open_dict(init):
            init.setdefault("object_store_memory", None)
