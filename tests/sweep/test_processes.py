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
from ferlab.config import compose
from ferlab.confirm.confirm import _workers
from ferlab.sweep import plan
from ferlab.sweep.workers.processes import Pool, cores, gpus
from tests.sweep import jobs
from tests.sweep.test_study import settings

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


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has them, as the driver tells torch."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda._is_compiled", lambda: True)
    monkeypatch.setattr("torch.cuda._cached_device_count", None)
    monkeypatch.setattr("torch.cuda._raw_device_count_nvml", lambda: 4)
    uuids = [f"GPU-{i}aaa" for i in range(4)]
    monkeypatch.setattr("torch.cuda._raw_device_uuid_nvml", lambda: uuids)


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, ["0", "1", "2", "3"]),
        ("2,1", ["2", "1"]),
        ("3, 0", ["3", "0"]),
        ("-1", []),
        ("", []),
        ("1,-1,2", ["1"]),
        ("0,9,1", ["0"]),
        ("GPU-2aaa,GPU-0aaa", ["GPU-2aaa", "GPU-0aaa"]),
    ],
)
def test_gpus_are_those_that_cuda_sees(
    visible: str | None, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus("auto") == gpus("cuda") == found
    assert gpus("cpu") == []


@pytest.mark.usefixtures("four_gpus")
def test_workers_follow_the_device_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferlab.sweep.plan.cores", lambda: 12)
    monkeypatch.setattr("ferlab.confirm.confirm.cores", lambda: 12)
    study = settings(workers="auto")
    assert (plan.workers(study, 99, "auto"), plan.workers(study, 99, "cpu")) == (4, 6)
    for device, count in (("cuda", 4), ("cpu", 3)):
        config = compose([f"trainer.device={device}", "trainer.threads=4"])
        assert _workers(config) == count
    launch(jobs.devices, tmp_path, 2, "trainer.device=cpu")
    assert [path.name for path in tmp_path.glob("sees-*")] == ["sees-all"]
    launch(jobs.devices, tmp_path, 2, "trainer.device=cuda")
    assert {path.name for path in tmp_path.glob("sees-*")} == {"sees-all", "sees-0", "sees-1"}


def test_cores_are_counted_where_the_system_binds_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert cores() == 10
