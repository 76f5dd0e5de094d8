"""Runs of the tests, made and looked at from outside."""

import sys
from pathlib import Path

from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from tests.conftest import run_id_of
from tests.processes import started


def client() -> MlflowClient:
    return store.connect(None)


def artifact(run_id: str, path: str) -> Path:
    return Path(client().download_artifacts(run_id, path))


def kill_after_epoch(epoch: int, overrides: list[str]) -> str:
    command = [sys.executable, "-m", "ferlab", "train", *overrides]
    with started(command) as process:
        process.until(lambda: f"\nepoch {epoch}/" in process.told())
        return run_id_of(process.told())
