"""What all tests share: a home and a cache that vanish, a network that trains in a second."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TINY = (
    "data.images=280",
    "trainer.batch_size=64",
    "trainer.max_epochs=3",
    "trainer.threads=1",
    "model.stages.0.widths=[8,8]",
    "model.stages.1.widths=[16,16]",
    "model.stages.2.widths=[16]",
)
"""Overrides under which an epoch takes a fraction of a second."""

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session, so that faces are drawn once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ferlab home of the test's own."""
    path = tmp_path / "home"
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # mlflow.set_tracking_uri sets it
    monkeypatch.setenv("FERLAB_HOME", str(path))
    monkeypatch.setenv("FERLAB_CACHE", str(cache))
    return path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command line in a process of its own, in an empty folder, as a user does."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:ferlab", "-m", "ferlab", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def run_id_of(text: str) -> str:
    """The run id that ``ferlab train`` prints."""
    return next(
        line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith("run ")
    )
