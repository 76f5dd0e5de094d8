"""The same sweep on Hydra's other launchers, and what a signal to the whole of it does."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import NullPool
from sqlalchemy.engine import URL

from ferlab.tracking import store
from tests import quick, warm
from tests.conftest import TINY, Cli
from tests.processes import Command, started, wait_until
from tests.servers import database, postgres

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store")]

FAST = [*TINY, "data.images=140", "trainer.max_epochs=1"]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Overrides for a cluster of this machine alone; nothing of it is there afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a socket's path must be short
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # listen on 127.0.0.1 only
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else 15, behind all else that is done here
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it is kept in ~/.ray
    init = "hydra.launcher.ray.init"
    yield [
        *("hydra/launcher=ray", f"{init}.include_dashboard=false"),
        *(f"{init}._temp_dir={folder}", f"{init}.num_cpus=2"),
    ]
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[URL]:
    with postgres(secrets.token_hex(8)) as found:
        yield found


@pytest.fixture
def password(server: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """That of a database for studies, whose whole address is in a variable, ``STUDIES``."""
    monkeypatch.setenv("STUDIES", database(server, tmp_path.name))
    return str(server.password)


STORAGE = "study.storage=${oc.env:STUDIES}"


def require_not_written(word: str, *folders: Path) -> None:
    """No file has it, whoever wrote it."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if word.encode() in path.read_bytes()] == []


def trials(home: Path, study: str = "s") -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(home / "studies" / f"{study}.log")))
    return optuna.load_study(study_name=study, storage=storage).trials


def trials_in_database() -> list[optuna.trial.FrozenTrial]:
    storage = RDBStorage(os.environ["STUDIES"], engine_kwargs={"poolclass": NullPool})
    found = optuna.load_study(study_name="s", storage=storage).trials
    return [trial for trial in found if "withdrawn" not in trial.user_attrs]


def require_finished(found: list[optuna.trial.FrozenTrial], count: int) -> list[str]:
    """Exactly ``count`` trials, each point once, all recorded; returns who trained each."""
    assert Counter(trial.state.name for trial in found) == {"COMPLETE": count}
    assert sorted(trial.params["seed"] for trial in found) == list(range(count))
    client = store.connect(None)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert [run.info.status for run in runs] == ["FINISHED"] * (count + 1)
    (parent,) = (run for run in runs if run.data.tags.get("ferlab.kind") == "study")
    assert parent.data.metrics["trials/complete"] == count
    return [trial.user_attrs["worker"] for trial in found]


def sweep(folder: Path, *arguments: str, workers: int = 2) -> AbstractContextManager[Command]:
    """A sweep, as a user starts it; but for those of submitit, which starts all anew, at once."""
    command = ["train", "-m", *FAST, "study.name=s", f"study.workers={workers}", *arguments]
    if "hydra/launcher=submitit_local" in arguments:
        return warm.started(command, folder, {quick.VARIABLE: quick.RESULTS})
    return started([sys.executable, "-m", "ferlab", *command], cwd=folder)


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_sweep_is_the_same_on(launcher: str, home: Path, tmp_path: Path, password: str) -> None:
    with sweep(tmp_path, f"hydra/launcher={launcher}", "seed=0,1,2", STORAGE) as command:
        assert command.finish() == 0, command.told()
        told = command.told()
    require_finished(trials_in_database(), 3)
    assert password not in told
    require_not_written(password, home, tmp_path)


def test_on_ray_two_workers_share_the_trials_and_nobody_else_can_come_near(
    home: Path, tmp_path: Path, ray: list[str], password: str
) -> None:
    processes: set[psutil.Process] = set()
    typed: set[str] = set()
    heard: set[tuple[str, int]] = set()
    with sweep(tmp_path, *ray, "seed=range(0,5)", STORAGE) as command:
        me = psutil.Process(command.pid)

        def is_over() -> bool:
            with suppress(psutil.NoSuchProcess):  # it may end just now
                family = [me, *me.children(recursive=True)]
                processes.update(family)
                heard.update(listening(family))
                typed.update(" ".join(process.cmdline()) for process in family)
            return command.poll() is not None

        command.until(is_over)
        assert command.finish() == 0, command.told()
        wait_until(lambda: not any(process.is_running() for process in processes))
        told = command.told()
    assert len(set(require_finished(trials_in_database(), 5))) == 2
    (folder,) = (Path(text.partition("_temp_dir=")[2]) for text in ray if "_temp_dir" in text)
    assert list(folder.rglob("*.log"))
    require_not_written(password, home, tmp_path, folder)
    assert password not in "".join([told, *typed])
    assert heard
    assert {address.removeprefix("::ffff:") for address, _ in heard} == {"127.0.0.1"}
    assert 8265 not in {port for _, port in heard}


def test_the_workers_of_a_node_that_ray_loses_are_started_on_another(
    home: Path, tmp_path: Path, ray: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    (folder,) = (text.partition("=")[2] for text in ray if "_temp_dir" in text)
    monkeypatch.setenv("RAY_TMPDIR", folder)
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        lost = cluster.add_node(**node)
        join = ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}"]
        with sweep(tmp_path, *join, "trainer.max_epochs=10", "seed=0,1,2") as command:
            command.until(lambda: at_work(home) == 2)
            cluster.remove_node(lost, allow_graceful=False)  # with SIGKILL
            assert command.finish() == 0, command.told()
    finally:
        cluster.shutdown()
    require_finished(trials(home), 3)


def test_jobs_that_a_scheduler_kills_or_gives_no_more_time_are_submitted_again(
    home: Path, tmp_path: Path
) -> None:
    launcher = ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10"]
    launcher += ["+hydra.launcher.max_num_timeout=0"]  # as it is for Slurm
    with sweep(tmp_path, *launcher, "trainer.max_epochs=20", "seed=0,1", workers=1) as command:
        command.until(lambda: at_work(home))
        (job,) = psutil.Process(command.pid).children()
        family = (job, *job.children())
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in family:
                process.send_signal(number)
        before = len(trials(home)[0].intermediate_values)
        command.until(lambda: at_work(home, since=before))
        assert command.told().count("lost     a worker: UncompletedJobError: ") == 1
        (job,) = psutil.Process(command.pid).children()
        (worker,) = job.children()
        worker.send_signal(signal.SIGUSR2)  # as when its ten minutes are over
        assert command.finish() == 0, command.told()
        assert command.told().count("lost     a worker: ") == 2
    require_finished(trials(home), 2)


def test_a_launcher_that_cannot_start_a_worker_ends_the_sweep_which_goes_on_with_another(
    home: Path, cli: Cli
) -> None:
    sweep = ["train", "-m", *FAST, "study.name=s", "seed=0,1"]
    done = cli(*sweep, "hydra/launcher=submitit_slurm")
    assert done.returncode == 1
    assert 'error    a worker ended: RuntimeError: Could not detect "srun"' in done.stdout
    assert "Traceback" not in done.stderr
    client = store.connect(None)
    (study,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert study.info.status == "FAILED"
    done = cli(*sweep, "hydra/launcher=basic")
    assert done.returncode == 0, done.stderr
    require_finished(trials(home), 2)


def at_work(home: Path, since: int = 0) -> int:
    """How many trials are under way, beyond so many epochs, whose workers are there."""
    if not (home / "studies" / "s.log").exists():
        return 0
    with suppress(KeyError):  # no study yet
        return sum(
            trial.state.name == "RUNNING"
            and len(trial.intermediate_values) > since
            and psutil.pid_exists(int(trial.user_attrs["worker"].partition(":")[2].split("-")[0]))
            for trial in trials(home)
        )
    return 0


def listening(processes: list[psutil.Process]) -> set[tuple[str, int]]:
    """The addresses and ports at which any of them can be reached."""
    pids = {process.pid for process in processes}
    return {
        (c.laddr.ip, c.laddr.port)
        for c in psutil.net_connections("inet")
        if c.status == psutil.CONN_LISTEN and c.pid in pids
    }


def test_sigterm_ends_a_sweep_as_ctrl_c_does(home: Path) -> None:
    arguments = ["hydra/launcher=basic", "study.name=s", "trainer.max_epochs=400", "seed=0,1"]
    with warm.started(["train", "-m", *FAST, *arguments]) as command:
        command.until(lambda: has_reported(home))
        os.kill(command.pid, signal.SIGTERM)
        assert command.finish() == 130
        assert "go on    ferlab train -m " in command.told()
    (trial,) = trials(home)
    assert trial.state.name == "RUNNING"  # until the same command goes on with it
    run = store.connect(None).get_run(trial.user_attrs["run_id"])
    assert run.info.status == "KILLED"
    assert run.data.tags["ferlab.ended"] == "interrupted"
    parent = store.connect(None).get_run(run.data.tags["mlflow.parentRunId"])
    assert (parent.info.status, parent.data.tags["ferlab.ended"]) == ("KILLED", "interrupted")


def has_reported(home: Path) -> bool:
    """Whether the first trial has an epoch behind it."""
    try:
        return (home / "studies" / "s.log").exists() and bool(trials(home)[0].intermediate_values)
    except (KeyError, IndexError):  # no study yet, no trial yet
        return False
