"""Workers as processes of this machine, which share its cores and its GPUs."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

_RESPAWNS = 5
"""How often a worker that dies is replaced."""


class Pool:
    """What the launcher plugin does."""

    def __init__(self, hydra_context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
        self._job = (hydra_context, task)
        self._config = config

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run each job in a process of its own; returns when all have ended.

        The first Ctrl-C is passed on, for the jobs to end gracefully; the second kills them.
        """
        workers = [_Worker(self, i, len(jobs), list(job), first) for i, job in enumerate(jobs)]
        try:
            _wait(workers)
        except KeyboardInterrupt:
            for worker in workers:
                worker.interrupt()
            _wait(workers)
            raise
        finally:
            for worker in workers:
                worker.kill()
        return [worker.result() for worker in workers]

    def start(self, index: int, count: int, overrides: list[str], number: int) -> BaseProcess:
        """A process that runs one job with its share of the machine."""
        config = self._config
        context, task = self._job
        job = context.config_loader.load_sweep_config(config, overrides)
        with open_dict(job):
            job.hydra.job.id = job.hydra.job.num = number
        process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(context, task, job)
        )
        with _environment(_share(index, count)):
            process.start()
        return process


class _Worker:
    """One job, in a process that is replaced if it dies."""

    def __init__(
        self, pool: Pool, index: int, count: int, overrides: list[str], first: int
    ) -> None:
        self._start = partial(pool.start, index, count, overrides, first + index)
        self._overrides = overrides
        self._left = _RESPAWNS
        self._process = self._start()

    @property
    def sentinel(self) -> int | None:
        """Ready when the process ends; None if it has ended and is not to be replaced."""
        if self._process.is_alive():
            return self._process.sentinel
        self._process.join()
        died = (self._process.exitcode or 0) < 0
        if not died or self._left == 0:
            return None
        self._left -= 1
        self._process = self._start()
        return self._process.sentinel

    def interrupt(self) -> None:
        """Ask it to end gracefully."""
        self._left = 0
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self._left = 0
        self._process.kill()
        self._process.join()

    def result(self) -> JobReturn:
        """How it ended, as Hydra is told."""
        ended = JobReturn(overrides=self._overrides)
        failed = self._process.exitcode != 0
        ended.status = JobStatus.FAILED if failed else JobStatus.COMPLETED
        if failed:
            ended.return_value = RuntimeError(f"a worker ended with {self._process.exitcode}")
        return ended


def _wait(workers: Sequence[_Worker]) -> None:
    while sentinels := [s for s in (worker.sentinel for worker in workers) if s is not None]:
        wait(sentinels)


def _run(context: HydraContext, task: TaskFunction, job: DictConfig) -> None:
    """The process's whole life."""
    os.setpgid(0, 0)  # a Ctrl-C reaches the sweeper alone, which passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    setup_globals()
    try:
        ended = run_job(
            task_function=task,
            config=job,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key=None,
            hydra_context=context,
        )
        ended.return_value  # noqa: B018  raises what the job raised
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception as error:
        sys.stderr.write(f"ferlab: a worker ended: {error}\n")
        sys.exit(1)


def _end_with_parent() -> None:
    """Interrupt this process gracefully when the sweeper is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGINT)


def _share(index: int, count: int) -> dict[str, str]:
    """Environment of one of ``count`` workers: its threads and its GPU."""
    cores = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    share = {"OMP_NUM_THREADS": str(max(1, cores // count))}
    if devices := gpus():
        share["CUDA_VISIBLE_DEVICES"] = devices[index % len(devices)]
    return share


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [device for device in visible.split(",") if device.strip()]
    return [str(i) for i, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        for key in changes:
            os.environ.pop(key)
        os.environ.update(before)
