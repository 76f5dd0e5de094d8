"""Workers as processes of this machine, which share its cores and its GPUs."""

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import psutil
import torch
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from ferlab import hydra_private
from ferlab.errors import FerlabError, Outage
from ferlab.sweep.launchers import forked
from ferlab.training.stop import HEARD

RESPAWNS = 5
"""How often a worker that dies is replaced."""

_HEARS = 1.0
"""Seconds until a signal is heard that the system gave to another thread than the waiting one."""

_INTERRUPTED = 130
"""The exit code of a worker that was asked to end, and did."""


class Pool:
    """What the launcher plugin does."""

    def __init__(self, hydra_context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
        self._job = (hydra_context, task)
        self._config = config

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run each job in a process of its own; returns when all have ended.

        The first Ctrl-C is passed on, for the jobs to end gracefully; the second kills them.

        Raises:
            KeyboardInterrupt: this process, or one of its jobs, was asked to end; all have ended.
        """
        workers: list[_Worker] = []
        try:
            for i, job in enumerate(jobs):
                workers.append(_Worker(self, i, len(jobs), list(job), first))
            _wait(workers)
        except KeyboardInterrupt:
            sys.stderr.write(f"\n{HEARD}\n")
            for worker in workers:
                worker.interrupt()
            _wait(workers)
            raise
        finally:
            for worker in workers:
                worker.kill()
        if any(worker.was_interrupted for worker in workers):
            raise KeyboardInterrupt
        return [worker.result() for worker in workers]

    def start(
        self, index: int, count: int, overrides: list[str], number: int
    ) -> tuple[BaseProcess, "Connection[bytes, bytes]"]:
        """A process that runs one job with its share of the machine, and tells what ended it."""
        config = self._config
        context, task = self._job
        job = context.config_loader.load_sweep_config(config, overrides)
        with open_dict(job):
            job.hydra.job.id = job.hydra.job.num = number
        error, teller = forked.CONTEXT.Pipe(duplex=False)
        with forked.starting(share(index, count, job.trainer.device)) as environment, teller:
            arguments = (context, task, job, teller, environment)
            process = forked.CONTEXT.Process(target=_run, args=arguments)
            process.start()
        return process, error


class _Worker:
    """One job, in a process that is replaced if it dies."""

    def __init__(
        self, pool: Pool, index: int, count: int, overrides: list[str], first: int
    ) -> None:
        self._start = partial(pool.start, index, count, overrides, first + index)
        self._overrides = overrides
        self._left = RESPAWNS
        self._process, self._error = self._start()

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
        self._process, self._error = self._start()
        return self._process.sentinel

    @property
    def was_interrupted(self) -> bool:
        """Whether it ended because it was asked to."""
        return self._process.exitcode == _INTERRUPTED

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
        code = self._process.exitcode or 0
        ended.status = JobStatus.FAILED if code else JobStatus.COMPLETED
        if code < 0:
            name, times = signal.Signals(-code).name, RESPAWNS + 1
            ended.return_value = FerlabError(f"{name}, {times} times; is there enough memory?")
        elif code:
            ended.return_value = (Outage if code == os.EX_TEMPFAIL else FerlabError)(self._told())
        return ended

    def _told(self) -> str:
        try:
            return self._error.recv_bytes().decode()
        except EOFError:
            return f"exit code {self._process.exitcode}"


def _wait(workers: Sequence[_Worker]) -> None:
    while sentinels := [s for s in (worker.sentinel for worker in workers) if s is not None]:
        wait(sentinels, _HEARS)


def _run(
    context: HydraContext,
    task: TaskFunction,
    job: DictConfig,
    teller: "Connection[bytes, bytes]",
    environment: dict[str, str],
) -> None:
    """The process's whole life."""
    os.setpgid(0, 0)  # a Ctrl-C reaches the sweeper alone, which passes it on
    forked.begin_here(environment, signal.SIGINT)  # gracefully
    for number in forked.SIGNALS:  # a shell may have what it runs in the background ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    setup_globals()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, forked.SIGNALS)
        ended = run_job(
            task_function=task,
            config=job,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key=None,
            hydra_context=context,
        )
        error = hydra_private.error_of(ended)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as raised:
        error = raised
    if error is not None:
        line = (str(error).splitlines() or [""])[0]
        known = isinstance(error, FerlabError)
        teller.send_bytes((str(error) if known else f"{type(error).__name__}: {line}").encode())
        sys.exit(os.EX_TEMPFAIL if isinstance(error, Outage) else 1)


def share(index: int, count: int, device: str) -> dict[str, str]:
    """Environment of one of ``count`` workers: its threads and, if it trains on one, its GPU."""
    found = {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    if devices := gpus(device):
        found["CUDA_VISIBLE_DEVICES"] = devices[index % len(devices)]
    return found


def cores() -> int:
    """The physical cores that this process may use."""
    # macOS binds no process to cores, so it does not say which are its own.
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(psutil.cpu_count(logical=False) or 1, bound or 1)


def gpus(device: str) -> list[str]:
    """The GPUs that this process may train on, as CUDA_VISIBLE_DEVICES names them.

    Args:
        device: as in ``trainer.device``: ``auto``, ``cuda``, or ``cpu``, which takes none.
    """
    if device == "cpu":
        return []
    count = torch.cuda.device_count()  # of the variable, what stands before its first invalid entry
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = map(str, range(count)) if visible is None else visible.split(",")[:count]
    return [name.strip() for name in names]
