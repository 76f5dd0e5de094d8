"""The launcher of processes: which signal ends what, and what a worker's end comes to."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, RunMode

from ferlab import paths
from ferlab.sweep.workers.processes import Pool
from tests.sweep import jobs

Job = Callable[[Any], None]


def launch(job: Job, folder: Path, workers: int, *overrides: str) -> list[JobReturn]:
    """What Hydra does with a launcher."""
    with initialize_config_dir(str(paths.shipped() / "conf"), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
    config = hydra.compose_config("config", [f"hydra.sweep.dir={folder}"], RunMode.MULTIRUN)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    return Pool(context, job, config).launch([[f"+folder={folder}", *overrides]] * workers, 0)


def launched(job: Job, folder: Path) -> None:
    try:
        launch(job, folder, 2)
    except KeyboardInterrupt:
        sys.exit(130)


@pytest.fixture
def sweeper(tmp_path: Path) -> Iterator[Callable[[Job], BaseProcess]]:
    """A process that launched two workers, which are at work."""
    processes = []

    def run(job: Job) -> BaseProcess:
        spawn = multiprocessing.get_context("spawn")
        processes.append(spawn.Process(target=launched, args=(job, tmp_path)))
        processes[0].start()
        assert len(pids(tmp_path, "started", 2)) == 2
        return processes[0]

    yield run
    for process in processes:
        process.kill()
        process.join()


def pids(folder: Path, what: str, count: int) -> list[int]:
    """Those of the workers that said so, once ``count`` have, or in the end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(folder.glob(f"{what}-*"))) < count:
        time.sleep(0.02)
    return [int(path.name.partition("-")[2]) for path in folder.glob(f"{what}-*")]


def send(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def test_the_first_ctrl_c_waits_for_the_workers_and_the_second_ends_all(
    sweeper: Callable[[Job], BaseProcess], tmp_path: Path
) -> None:
    process = sweeper(jobs.stubborn)
    send(process, signal.SIGINT)
    workers = pids(tmp_path, "interrupted", 2)
    process.join(0.5)
    assert process.is_alive()
    assert all(map(psutil.pid_exists, workers))
    send(process, signal.SIGINT)
    process.join(5)
    assert process.exitcode == 130
    assert not any(map(psutil.pid_exists, workers))


def test_a_worker_that_is_asked_to_end_is_not_replaced_and_the_others_go_on(
    sweeper: Callable[[Job], BaseProcess], tmp_path: Path
) -> None:
    process = sweeper(jobs.patient)
    one, other = (psutil.Process(pid) for pid in pids(tmp_path, "started", 2))
    one.terminate()
    process.join(1)
    assert process.is_alive()
    assert not one.is_running()
    assert other.is_running()
    assert len(pids(tmp_path, "started", 2)) == 2
    send(process, signal.SIGINT)
    process.join(5)
    assert process.exitcode == 130
    assert not other.is_running()


def test_what_a_worker_raises_is_its_result(tmp_path: Path) -> None:
    (ended,) = launch(jobs.broken, tmp_path, 1)
    assert ended.status == JobStatus.FAILED
    with pytest.raises(Exception, match=r"^ZeroDivisionError: the first line$"):
        ended.return_value  # noqa: B018


@pytest.mark.parametrize(("deaths", "status"), [(1, JobStatus.COMPLETED), (9, JobStatus.FAILED)])
def test_a_worker_that_dies_is_replaced_but_not_for_ever(
    deaths: int, status: JobStatus, tmp_path: Path
) -> None:
    (ended,) = launch(jobs.dying, tmp_path, 1, f"+deaths={deaths}")
    assert ended.status == status
    assert len(pids(tmp_path, "started", 0)) == min(deaths + 1, 6)
    if status == JobStatus.FAILED:
        with pytest.raises(Exception, match=r"^SIGKILL, 6 times; is there enough memory"):
            ended.return_value  # noqa: B018
