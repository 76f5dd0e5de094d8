"""Several machines at one study: their network, hostnames, homes and clocks are their own."""

import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from mlflow.entities import Run, ViewType
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.engine import URL, make_url

from ferlab.tracking import store
from ferlab.tracking.store import Client
from tests import warm
from tests.conftest import TINY
from tests.hosts.network import Host, Network, network
from tests.processes import called
from tests.servers import database, free_port, is_up, postgres

pytestmark = pytest.mark.slow

HOUR = 3600.0

Scores = dict[str, dict[str, float]]

FAST = [*TINY, "data.images=140", "trainer.max_epochs=1", "hydra/launcher=basic"]


@dataclass(frozen=True)
class Site:
    """A network, whose server has PostgreSQL and MLflow."""

    network: Network
    databases: URL
    client: Client

    def command(self, study: str, *arguments: str) -> list[str]:
        """A sweep, as it is typed on each host."""
        url = make_url(self.storage(study)).update_query_dict(
            {"connect_timeout": "5", "tcp_user_timeout": "5000"}  # no cable is cut for a minute
        )
        return [
            *(
                "train",
                "-m",
                *FAST,
                f"study.name={study}",
                f"tracking.uri={self.client.tracking_uri}",
            ),
            f"study.storage={url.render_as_string(hide_password=False)}",
            *arguments,
        ]

    def storage(self, study: str) -> str:
        """The URL of a study's database."""
        return self.databases.set(database=study).render_as_string(hide_password=False)

    def trials(self, study: str) -> list[FrozenTrial]:
        """The trials that count, or did until now."""
        with self.network.at_server():
            storage = RDBStorage(self.storage(study))
            try:
                found = optuna.load_study(study_name=study, storage=storage).trials
            finally:
                storage.remove_session()
                storage.engine.dispose()
        return [trial for trial in found if "withdrawn" not in trial.user_attrs]

    def runs(self, study: str) -> list[Run]:
        """All runs of a study's trials, deleted ones among them."""
        with self.network.at_server():
            ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
            mine = f"tags.`ferlab.study` = '{study}'"
            found = list(self.client.search_runs(ids, mine, ViewType.ALL))
        return [run for run in found if "ferlab.trial" in run.data.tags]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    with ExitStack() as stack:
        net = stack.enter_context(network())
        with net.at_server():
            databases = stack.enter_context(postgres(secrets.token_hex(8), net.address))
            port = free_port(net.address)
        server = stack.enter_context(called(warm.SERVER, net.serve, port, folder))
        with net.at_server():
            server.until(lambda: is_up(net.address, port))
            client = store.connect(f"http://{net.address}:{port}")
        yield Site(net, databases, client)


@pytest.fixture
def study(site: Site) -> str:
    """The name of a study, and of its database, in which there is nothing yet."""
    name = f"s{secrets.token_hex(4)}"
    with site.network.at_server():
        database(site.databases, name)
    return name


@pytest.fixture(scope="module")
def alone(empty_store: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Scores:
    """What each seed comes to on one machine, in a home of its own."""
    home = tmp_path_factory.mktemp("alone")
    shutil.copy(empty_store, home / "mlflow.db")
    env = {"FERLAB_HOME": str(home), "FERLAB_CACHE": str(cache)}
    done = warm.run(["train", "-m", *FAST, "study.name=alone", "seed=range(0,4)"], home, env)
    assert done.returncode == 0, done.stderr
    client = store.connect(f"sqlite:///{home}/mlflow.db")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return scores(run for run in client.search_runs(ids) if "ferlab.trial" in run.data.tags)


def scores(runs: Iterable[Run]) -> Scores:
    """The metrics of runs, by seed, but for the times that they took."""
    return {
        run.data.params["seed"]: {
            key: value
            for key, value in run.data.metrics.items()
            if key.startswith(("train/", "val/", "best/"))
        }
        for run in runs
    }


@pytest.mark.parametrize("names", [("one", "two"), ("same", "same")], ids=["two", "one"])
def test_two_hosts_share_a_study_whatever_they_are_called_and_however_late_they_think_it_is(
    names: tuple[str, str], site: Site, study: str, alone: Scores, tmp_path: Path
) -> None:
    hosts = Host(0, names[0]), Host(1, names[1], ahead=HOUR)
    command = site.command(study, "seed=range(0,4)")
    with ExitStack() as stack:
        sweeps = [
            stack.enter_context(site.network.started(host, command, tmp_path)) for host in hosts
        ]
        codes = [sweep.finish() for sweep in sweeps]
        told = [sweep.told() for sweep in sweeps]
    assert codes == [0, 0], told
    for text in told:
        assert "leaves   " not in text
        assert "4 of 4 trials count (4 complete, 0 pruned); 0 failed, 0 retried" in text
    trials = site.trials(study)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2
    runs = site.runs(study)
    assert [run.info.status for run in runs] == ["FINISHED"] * 4  # none was begun twice
    assert scores(runs) == alone


def test_a_host_that_was_cut_off_finds_its_trial_taken_and_leaves_it(
    site: Site, study: str, tmp_path: Path
) -> None:
    command = site.command(study, "trainer.max_epochs=10", "seed=0,1")
    lost, other = Host(0, "lost", ahead=-HOUR, timeout=10), Host(1, "other", timeout=10)
    with site.network.started(lost, command, tmp_path) as away:
        away.until(lambda: has_begun(site, study))
        site.network.cut(0)
        (owner,) = (trial.user_attrs["worker"] for trial in site.trials(study))
        with site.network.started(other, command, tmp_path) as here:
            here.until(lambda: site.trials(study)[0].user_attrs["worker"] != owner)
            away.until(lambda: "waits    " in away.told())
            site.network.restore(0)
            assert here.finish() == 0, here.told()
        assert away.finish() == 0, away.told()
        told = away.told()
    assert told.count("leaves   trial 0 is another worker's now; this one was not heard of") == 1
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    trials = site.trials(study)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 2
    assert trials[0].user_attrs["worker"].startswith("other:")
    stages = Counter((run.info.lifecycle_stage, run.info.status) for run in site.runs(study))
    assert stages == {("active", "FINISHED"): 2, ("deleted", "KILLED"): 1}
    assert list((tmp_path / "home0" / "work").iterdir()) == []


def has_begun(site: Site, study: str) -> bool:
    """Whether its first trial has come to the end of an epoch."""
    return any(run.data.metrics for run in site.runs(study))
