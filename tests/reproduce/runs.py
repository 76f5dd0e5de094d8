"""Runs of the tests, and those that reproduce them."""

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ferlab.tracking import store

Out = pytest.CaptureFixture[str]


def client() -> MlflowClient:
    return store.connect(None)


def reruns(run_id: str) -> list[Run]:
    where = f"tags.`ferlab.reproduces` = '{run_id}'"
    return list(client().search_runs(["1"], where, order_by=["start_time DESC"]))
