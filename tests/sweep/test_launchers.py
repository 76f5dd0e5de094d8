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
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from ferlab.tracking import store
from tests import warm
from tests.conftest import TINY
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


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """That of a database for studies, whose whole address is in a variable, ``STUDIES``."""
    word = secrets.token_hex(8)
    with postgres(word) as server:
        monkeypatch.setenv("STUDIES", database(server, "studies"))
        yield word


STORAGE = "study.storage=${oc.env:STUDIES}"


def require_not_written(word: str, *folders: Path) -> None:
    """No file has it, whoever wrote it."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if word.encode() in path.read_bytes()] == []


def trials(home: Path, study: str = "s") -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(home / "studies" / f"{study}.log")))
    return optuna.load_study(study_name=study, storage=storage).trials


def require_finished(count: int) -> list[str]:
    """Exactly ``count`` trials, each point once, all recorded; returns who trained each."""
    found = optuna.load_study(study_name="s", storage=os.environ["STUDIES"]).trials
    found = [trial for trial in found if "withdrawn" not in trial.user_attrs]
    assert Counter(trial.state.name for trial in found) == {"COMPLETE": count}
    assert sorted(trial.params["seed"] for trial in found) == list(range(count))
    client = store.connect(None)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert [run.info.status for run in runs] == ["FINISHED"] * (count + 1)
    (parent,) = (run for run in runs if run.data.tags.get("ferlab.kind") == "study")
    assert parent.data.metrics["trials/complete"] == count
    return [trial.user_attrs["worker"] for trial in found]


def sweep(folder: Path, *arguments: str) -> AbstractContextManager[Command]:
    """A sweep by two workers, as a user starts it."""
    command = [sys.executable, "-m", "ferlab", "train", "-m", *FAST, "study.name=s"]
    return started([*command, "study.workers=2", *arguments], cwd=folder)


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_sweep_is_the_same_on(launcher: str, home: Path, tmp_path: Path, password: str) -> None:
    with sweep(tmp_path, f"hydra/launcher={launcher}", "seed=0,1,2", STORAGE) as command:
        assert command.finish() == 0, command.told()
        told = command.told()
    require_finished(3)
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
    assert len(set(require_finished(5))) == 2
    (folder,) = (Path(text.partition("_temp_dir=")[2]) for text in ray if "_temp_dir" in text)
    assert list(folder.rglob("*.log"))
    require_not_written(password, home, tmp_path, folder)
    assert password not in "".join([told, *typed])
    assert heard
    assert {address.removeprefix("::ffff:") for address, _ in heard} == {"127.0.0.1"}
    assert 8265 not in {port for _, port in heard}


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
