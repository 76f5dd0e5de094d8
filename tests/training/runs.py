"""Runs of the tests, made and looked at from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from tests.conftest import run_id_of


def client() -> MlflowClient:
    return store.connect(None)


def artifact(run_id: str, path: str) -> Path:
    return Path(client().download_artifacts(run_id, path))


def kill_after_epoch(epoch: int, overrides: list[str]) -> str:
    command = [sys.executable, "-m", "ferlab", "train", *overrides]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        seen = ""
        for line in process.stderr:
            seen += line
            if line.startswith(f"epoch {epoch}/"):
                process.send_signal(signal.SIGKILL)
                break
    return run_id_of(seen)
