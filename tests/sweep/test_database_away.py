"""PostgreSQL has the study and the runs, and ends, or freezes, in the middle of a sweep."""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from ferlab.outage import databases, is_outage
from tests import warm
from tests.conftest import TINY
from tests.processes import called
from tests.servers import Postgres, database, postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]

PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server with a database for runs."""
    with postgres_server(PASSWORD) as running:
        database(running.url, "runs")
        yield running


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[Path, Path]:
    """The files that a command writes, empty."""
    found = tmp_path / "stdout", tmp_path / "stderr"
    for path in found:
        path.touch()
    return found


def sweep_impatiently(command: list[str], folder: Path, outputs: Sequence[Path]) -> None:
    databases.SILENCE = 1.0
    warm.run_here(command, folder, {}, outputs)


def rows(server: Postgres, name: str, query: str) -> Counter[str]:
    """The words that a query finds in a database, counted."""
    engine = create_engine(server.url.set(database=name))
    try:
        with engine.connect() as connection:
            return Counter(connection.execute(text(query)).scalars())
    finally:
        engine.dispose()


def test_a_connection_to_a_server_that_falls_silent_is_given_up(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.bound_silence()
    monkeypatch.setattr(databases, "SILENCE", 1.0)
    engine = create_engine(server.url)
    with engine.connect() as connection:
        assert connection.execute(text("select pg_sleep(0.5), 1")).one()[1] == 1
        server.freeze()
        with pytest.raises(OperationalError, match="has not answered for 1 s") as told:
            connection.execute(text("select 1"))
        server.thaw()
    assert is_outage(told.value)
    with engine.connect() as connection:
        assert connection.execute(text("select 1")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize("away", ["ended", "frozen"])
def test_a_server_that_is_away_costs_no_trial_and_keeps_no_password(
    away: str, server: Postgres, home: Path, tmp_path: Path, outputs: tuple[Path, Path]
) -> None:
    network = [*TINY, "data.images=140", "trainer.max_epochs=2", "hydra/launcher=basic"]
    runs = server.url.set(database="runs").render_as_string(hide_password=False)
    stores = [f"tracking.uri={runs}", f"study.storage={database(server.url, away)}"]
    command = ["train", "-m", *network, *stores, f"study.name={away}", "seed=0,1"]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    arguments = command, folder, outputs
    with called(warm.SERVER, sweep_impatiently, *arguments, outputs=outputs) as sweep:
        sweep.until(lambda: "trial 0 " in sweep.told())
        server.stop() if away == "ended" else server.freeze()
        sweep.until(lambda: "waits    " in sweep.told())
        server.start() if away == "ended" else server.thaw()
        assert sweep.finish() == 0, sweep.told()
        told = sweep.told()
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    assert told.count("waits    ") == told.count("goes on  after") == 1
    ended = "select status from runs join tags using (run_uuid) where value = '{}' and key = '{}'"
    assert rows(server, "runs", ended.format(away, "ferlab.study")) == {"FINISHED": 3}
    trials = rows(server, away, "select cast(state as varchar) from trials")
    assert (trials["COMPLETE"], trials["RUNNING"], trials["WAITING"]) == (2, 0, 0)
    assert list((home / "work").iterdir()) == []
    assert PASSWORD not in told
    written = [*home.rglob("*"), *folder.rglob("*"), *server.data.rglob("*")]
    kept = [path for path in written if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []
