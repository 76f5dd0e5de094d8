"""One small run that many tests reproduce, and clones of ferlab to do it in."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ferlab import paths
from ferlab.config.compose import compose
from ferlab.tracking import environment
from ferlab.tracking.environment import GitState
from ferlab.training.run import train
from tests import processes
from tests.conftest import TINY

FAST = [*TINY, "data.images=140", "trainer.max_epochs=2"]

COMMITTED = GitState("c" * 40, "main", dirty=False, diff="")
"""What a file's tests take the checkout to be, though somebody may work in it meanwhile."""

Clone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _no_pictures(no_pictures: None) -> None:
    """Nothing here looks at them."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, str]:
    """A home, and the id of the one run in it."""
    home = tmp_path_factory.mktemp("lab") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        patch.setattr(environment, "git_state", lambda folder: COMMITTED)
        return home, train(compose(FAST)).run_id


@pytest.fixture
def original(lab: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a recorded run; its store is shared by the tests of a file."""
    monkeypatch.setenv("FERLAB_HOME", str(lab[0]))
    monkeypatch.setattr(environment, "git_state", lambda folder: COMMITTED)
    return lab[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Another checkout of the same ferlab, in a repository of its own."""
    root, copy = paths.shipped(), tmp_path / "clone"
    for folder in ("ferlab", "hydra_plugins", "conf", "experiments"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / folder, copy / folder, ignore=ignored)
    identity = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run(["git", *identity, *command], cwd=copy, check=True, capture_output=True)
    return copy


@pytest.fixture
def in_clone(clone: Path, tmp_path: Path) -> Clone:
    """Run the command line of the clone, in an empty folder and another home."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "far away"
        folder.mkdir(exist_ok=True)
        elsewhere = {"PYTHONPATH": str(clone), "FERLAB_HOME": str(tmp_path / "another home")}
        command = [sys.executable, "-P", "-m", "ferlab", *arguments]
        return processes.run(command, cwd=folder, env=elsewhere)

    return run
