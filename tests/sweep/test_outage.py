"""A store that is away for a while is waited for: no trial fails, and the budget stays exact."""

import os
import shutil
import socket
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests import warm
from tests.conftest import TINY
from tests.processes import called
from tests.proxy import Mood, Proxy, proxy

pytestmark = pytest.mark.slow

FAST = [*TINY, "data.images=140", "trainer.max_epochs=3", "hydra/launcher=basic"]


@pytest.fixture(scope="module")
def tracking(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[tuple[int, MlflowClient]]:
    """The port of an MLflow server, and a client that reaches it however sick the proxy is."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def is_up() -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health").status == 200)
        return False

    with called(warm.SERVER, serve, port, folder) as server:
        server.until(is_up)
        yield port, MlflowClient(f"http://127.0.0.1:{port}")


def serve(port: int, folder: Path) -> None:
    """MLflow's server, without the processes beside it that run jobs of language models."""
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder}/mlflow.db"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
    os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
    os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
    from mlflow.server import app
    from werkzeug.serving import make_server

    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


@pytest.fixture
def sick(tracking: tuple[int, MlflowClient]) -> Iterator[Proxy]:
    with proxy(tracking[0]) as between:
        yield between


@pytest.mark.parametrize("mood", ["failing", "hanging", "gone"])
def test_a_tracking_server_that_is_away_is_waited_for(
    mood: Mood, sick: Proxy, tracking: tuple[int, MlflowClient], home: Path, tmp_path: Path
) -> None:
    command = ["train", "-m", *FAST, f"study.name={mood}", f"tracking.uri={sick.url}", "seed=0,1"]
    with warm.started(command, tmp_path, {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}) as sweep:
        sweep.until(lambda: sick.asked("/runs/log-batch") > 4)
        sick.become(mood)
        sweep.until(lambda: "waits" in sweep.told())
        time.sleep(2.5)
        sick.become("well")
        assert sweep.finish() == 0, sweep.told()
        told = sweep.told()
    assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
    assert told.count("waits  ") == told.count("goes on  after") == 1
    found = [
        run
        for experiment in tracking[1].search_experiments()
        for run in tracking[1].search_runs(
            [experiment.experiment_id], f"tags.`ferlab.study` = '{mood}'"
        )
    ]
    assert Counter(run.info.status for run in found) == {"FINISHED": 3}
    assert list((home / "work").iterdir()) == []
