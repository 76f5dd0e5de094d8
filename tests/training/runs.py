"""Runs of the tests, made and looked at from outside."""

from pathlib import Path

from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from tests import warm
from tests.conftest import run_id_of


def client() -> MlflowClient:
    return store.connect(None)


def artifact(run_id: str, path: str) -> Path:
    return Path(client().download_artifacts(run_id, path))


def kill_after_epoch(epoch: int, overrides: list[str]) -> str:
    with warm.started(["train", *overrides]) as process:
        process.until(lambda: f"\nepoch {epoch}/" in process.told())
        return run_id_of(process.told())
