"""The launcher of processes: which signal ends what, and what a worker's end comes to."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode

from ferlab import hydra_private
from ferlab.config.compose import compose
from ferlab.config.overrides.project import start_hydra
from ferlab.confirm.retrain import _workers
from ferlab.errors import Outage
from ferlab.sweep import plan
from ferlab.sweep.launchers import forked
from ferlab.sweep.launchers.processes import Pool, cores, gpus
from tests.processes import Command, called, run
from tests.sweep import jobs
from tests.sweep.test_study import settings
from tests.warm import SERVER

pytestmark = pytest.mark.slow

Job = Callable[[Any], None]


def launch(job: Job, folder: Path, workers: int, *overrides: str) -> list[JobReturn]:
    """What Hydra does with a launcher."""
    hydra = start_hydra()
    config = hydra.compose_config("config", [f"hydra.sweep.dir={folder}"], RunMode.MULTIRUN)
    context = hydra_private.context_of(hydra, config)
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
            command = stack.enter_context(called(SERVER, launched, job, tmp_path))
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


def test_a_signal_that_another_thread_gets_is_heard(tmp_path: Path) -> None:
    def interrupt_from_here() -> None:  # as the system does where all of a command was stopped
        while not workers(tmp_path, "started"):
            time.sleep(0.05)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt_from_here)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        launch(jobs.obedient, tmp_path, 1)
    thread.join()
    assert len(list(tmp_path.glob("interrupted-*"))) == 1


def test_what_a_worker_raises_is_its_result(tmp_path: Path) -> None:
    (ended,) = launch(jobs.broken, tmp_path, 1)
    assert ended.status == JobStatus.FAILED
    with pytest.raises(Exception, match=r"^ZeroDivisionError: the first line$"):
        ended.return_value  # noqa: B018


def test_that_a_worker_gave_up_what_is_away_is_told_from_an_error(tmp_path: Path) -> None:
    (ended,) = launch(jobs.away, tmp_path, 1)
    with pytest.raises(Outage, match=r"^waited 10 minutes, and still the store is away$"):
        ended.return_value  # noqa: B018


@pytest.mark.parametrize(("deaths", "status"), [(1, JobStatus.COMPLETED), (9, JobStatus.FAILED)])
def test_a_worker_that_dies_is_replaced_but_not_for_ever(
    deaths: int, status: JobStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferlab.sweep.launchers.processes.RESPAWNS", 1)
    (ended,) = launch(jobs.dying, tmp_path, 1, f"+deaths={deaths}")
    assert ended.status == status
    assert len(list(tmp_path.glob("started-*"))) == 2
    if status == JobStatus.FAILED:
        with pytest.raises(Exception, match=r"^SIGKILL, 2 times; is there enough memory"):
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
    monkeypatch.setattr("ferlab.confirm.retrain.cores", lambda: 12)
    study = settings(workers="auto")
    assert (plan.workers(study, 99, "auto"), plan.workers(study, 99, "cpu")) == (4, 6)
    for device, count in (("cuda", 4), ("cpu", 3)):
        config = compose([f"trainer.device={device}", "trainer.threads=4"])
        assert _workers(config) == count
    launch(jobs.devices, tmp_path, 1, "trainer.device=cpu")
    assert [path.name for path in tmp_path.glob("sees-*")] == ["sees-all"]
    launch(jobs.devices, tmp_path, 2, "trainer.device=cuda")
    assert {path.name for path in tmp_path.glob("sees-*")} == {"sees-all", "sees-0", "sees-1"}


def test_what_is_imported_before_workers_are_forked_asks_for_no_gpu() -> None:
    """CUDA cannot be used in the fork of a process that has begun with it."""
    code = (
        "import sys, torch\n"
        "for name in ('is_available', 'device_count', 'init', '_lazy_init'):\n"
        "    setattr(torch.cuda, name, lambda *_, name=name: sys.exit(f'{name} is called'))\n"
        f"for module in {forked._IMPORTED}: __import__(module)\n"
        "print('imported')"
    )
    done = run([sys.executable, "-c", code])
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr


def test_cores_are_counted_where_the_system_binds_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert cores() == 10
