"""Two commands at once on one storage: a journal, SQLite, a PostgreSQL server of the tests' own."""

import json
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from ferlab.errors import TrackingError
from ferlab.sweep.workers.storage import exists, open_storage
from ferlab.tracking import store
from tests import warm
from tests.conftest import TINY
from tests.processes import started
from tests.proxy import proxy
from tests.servers import database, postgres

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store")]

FAST = [*TINY, "data.images=140", "trainer.max_epochs=1", "hydra/launcher=basic"]
CORE = secrets.token_hex(8)
SECRET = f"{CORE}/:#?'\"%41ü@"
"""A password; whatever it looks like in an address, `CORE` is a part of it."""


@pytest.fixture(scope="module")
def server() -> Iterator[URL]:
    with postgres(SECRET) as url:
        yield url


@pytest.fixture(params=["journal", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """The URL of a storage in which there is nothing yet; None for the journal."""
    if request.param == "journal":
        return None
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/studies.db"
    return database(request.getfixturevalue("server"), "shared")


def test_two_commands_at_once_share_one_study_and_end_at_exactly_n_trials(
    storage: str | None, home: Path
) -> None:
    arguments = ["train", "-m", *FAST, "study.name=s", "study.trials=5", "seed=range(0,9)"]
    if storage is not None:
        arguments.append(f"study.storage={storage}")
    with ExitStack() as stack:
        commands = [stack.enter_context(warm.started(arguments)) for _ in range(2)]
        codes = [command.finish() for command in commands]
        told = "".join(command.told() for command in commands)
    assert codes == [0, 0], told
    assert "5 of 5 trials count (5 complete, 0 pruned)" in told

    with opened(storage) as opened_storage:
        trials = optuna.load_study(study_name="s", storage=opened_storage).trials
    known = [trial for trial in trials if "withdrawn" not in trial.user_attrs]
    assert Counter(trial.state.name for trial in known) == {"COMPLETE": 5}
    assert len({trial.params["seed"] for trial in known}) == 5
    assert len({trial.user_attrs["worker"] for trial in known}) == 2

    client = store.connect(None)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    kinds = Counter((run.data.tags.get("ferlab.kind"), run.info.status) for run in runs)
    assert kinds == {(None, "FINISHED"): 5, ("study", "FINISHED"): 1}
    assert CORE not in told
    require_no_password(home)


def require_no_password(*folders: Path) -> None:
    """Neither in MLflow's database and its artifacts, nor in any other file."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if CORE.encode() in path.read_bytes()] == []


def test_a_launcher_that_writes_down_what_it_runs_writes_no_password(
    server: URL, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    experiment = folder / "experiments" / "kept.yaml"
    experiment.parent.mkdir(parents=True)
    study = {"storage": database(server, "written"), "trials": 1, "workers": 1}
    hydra = {"output_subdir": ".hydra", "sweeper": {"params": {"seed": "choice(0,1)"}}}
    text = json.dumps({"study": study, "hydra": hydra}, ensure_ascii=False)
    experiment.write_text(f"# @package _global_\n{text}\n", "utf-8")
    launched = [*FAST[:-1], "hydra/launcher=submitit_local", "hydra/job_logging=default"]
    typed: set[str] = set()
    command = [sys.executable, "-m", "ferlab", "sweep", "kept", *launched]
    with started(command, cwd=folder) as process:
        me = psutil.Process(process.pid)

        def is_over() -> bool:
            with suppress(psutil.NoSuchProcess):
                family = [me, *me.children(recursive=True)]
                typed.update(" ".join(p.cmdline()) for p in family)
            return process.poll() is not None

        process.until(is_over)
        assert process.finish() == 0, process.told()
        told = process.told()
    assert "1 of 1 trials count" in told
    assert any("submitit" in line for line in typed)
    assert CORE not in "".join([told, *typed])
    assert list(home.rglob("*.pkl"))
    assert list(home.rglob(".hydra/config.yaml"))
    experiment.unlink()
    require_no_password(home, folder)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_tables_may_be_made_by_many_at_the_same_moment(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(4, mp_context=warm.SERVER) as pool:
        list(pool.map(abs, range(4)))  # all are there before the first one begins
        for i in range(3):
            url = f"sqlite:///{tmp_path}/{i}.db"
            if kind == "postgres":
                url = database(request.getfixturevalue("server"), f"tables{i}")
            assert list(pool.map(studies_in, [url] * 4)) == [0] * 4


def studies_in(url: str) -> int:
    with opened(url) as storage:
        return len(storage.get_all_studies())


@contextmanager
def opened(url: str | None) -> Iterator[BaseStorage]:
    """A storage whose connections do not outlive the test."""
    storage = open_storage(url, "s")
    yield storage
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def test_a_connection_that_the_server_dropped_is_replaced(server: URL) -> None:
    engine = create_engine(server)
    with opened(database(server, "dropped")) as storage, engine.connect() as connection:
        study = optuna.create_study(study_name="s", storage=storage)
        dropped = connection.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'dropped'"
        )
        assert all(dropped.scalars().all())
        study.add_trial(optuna.trial.create_trial(value=1.0))
        assert study.best_value == 1.0
    engine.dispose()


def test_a_thread_connects_once_to_a_database_however_often_it_looks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    first = open_storage(url, "s")
    assert open_storage(url, "other") is first
    assert exists(url, "s") is False
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(open_storage, url, "s").result() is not first


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://me:SECRET@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+psycopg://me:SECRET@@127.0.0.1:1/x", "no URL of a database, such as postgr"),
        ("postgresql+psycopg://127.0.0.1:SECRET/x", "no URL of a database, such as postgr"),
        ("postgresql+psykopg://me:SECRET@127.0.0.1/x", "no URL of a database, such as postgr"),
        ("SECRET", "no URL of a database, such as postgr"),
        ("oracle+oracledb://me:SECRET@127.0.0.1/x", "No module named 'oracledb'"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_told_in_a_line_without_its_password(
    url: str, message: str
) -> None:
    with pytest.raises(TrackingError, match=r"^study.storage cannot be opened: ") as error:
        open_storage(url.replace("SECRET", CORE), "s")
    assert message in str(error.value)
    assert CORE not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_server_that_is_away_is_waited_for(server: URL, home: Path, tmp_path: Path) -> None:
    url = make_url(database(server, "away"))
    assert server.port is not None
    with proxy(server.port) as between:
        storage = url.set(port=between.port).render_as_string(hide_password=False)
        command = ["train", "-m", *FAST, "study.name=s", f"study.storage={storage}", "seed=0,1"]
        with warm.started(command, tmp_path) as sweep:
            sweep.until(lambda: "trial 0 " in sweep.told())
            between.become("gone")
            sweep.until(lambda: "waits    " in sweep.told())
            between.become("well")
            assert sweep.finish() == 0, sweep.told()
            told = sweep.told()
    assert "waits    the study's storage cannot be used: " in told
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    client = store.connect(None)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert SECRET not in told
