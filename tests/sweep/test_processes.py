"""The launcher of processes: which signal ends what, and what a worker's end comes to."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
from tests.processes import Command, called
from tests.sweep import jobs

pytestmark = pytest.mark.slow

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
def sweeper(tmp_path: Path) -> Iterator[Callable[[Job], Command]]:
    """A process that launched two workers, which are at work."""
    with ExitStack() as stack:

        def run(job: Job) -> Command:
            spawn = multiprocessing.get_context("spawn")
            command = stack.enter_context(called(spawn, launched, job, tmp_path))
            command.until(lambda: len(workers(tmp_path, "started")) == 2)
            return command

        yield run


def workers(folder: Path, what: str) -> list[psutil.Process]:
    """Those that said so."""
    pids = (path.name.partition("-")[2] for path in folder.glob(f"{what}-*"))
    return [psutil.Process(int(pid)) for pid in pids]


def test_the_first_ctrl_c_waits_for_the_workers_and_the_second_ends_all(
    sweeper: Callable[[Job], Command], tmp_path: Path
) -> None:
    command = sweeper(jobs.stubborn)
    os.kill(command.pid, signal.SIGINT)
    command.until(lambda: len(workers(tmp_path, "interrupted")) == 2)
    found = workers(tmp_path, "interrupted")
    time.sleep(0.5)
    assert command.poll() is None
    assert all(worker.is_running() for worker in found)
    os.kill(command.pid, signal.SIGINT)
    assert command.finish() == 130
    assert not any(worker.is_running() for worker in found)


def test_a_worker_that_is_asked_to_end_is_not_replaced_and_the_others_go_on(
    sweeper: Callable[[Job], Command], tmp_path: Path
) -> None:
    command = sweeper(jobs.patient)
    one, other = workers(tmp_path, "started")
    one.terminate()
    command.until(lambda: not one.is_running())
    time.sleep(0.5)  # in which a new one would start
    assert command.poll() is None
    assert other.is_running()
    assert len(list(tmp_path.glob("started-*"))) == 2
    os.kill(command.pid, signal.SIGINT)
    assert command.finish() == 130
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
    assert len(list(tmp_path.glob("started-*"))) == min(deaths + 1, 6)
    if status == JobStatus.FAILED:
        with pytest.raises(Exception, match=r"^SIGKILL, 6 times; is there enough memory"):
            ended.return_value  # noqa: B018
