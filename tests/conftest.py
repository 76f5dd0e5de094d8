"""What all tests share: a home and a cache that vanish, a network that trains in a second."""

import gc
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests import quick, warm

# Most tests wait for a disk to keep what is thrown away a moment later.
if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 2**32:  # noqa: S108
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")  # noqa: S108  pytest's own folder

# Numpy and torch look for them when they are imported. Processes that share the tests, each with as
# many threads as there are cores, wait for each other most of the time; and do so at full speed.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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


@pytest.fixture(scope="session", autouse=True)
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with new stores, of which those that tests make are copies; see `quick.with_stores`.

    To make one takes a second, to copy one nothing.
    """
    from ferlab.tracking import store

    folder = tmp_path_factory.mktemp("stores")
    for name, is_home in quick.NEW_STORES.items():
        store._make(folder / name, is_home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(quick.STORES, str(folder))
        quick.with_stores(patch.setattr)
        yield folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ferlab home of the test's own."""
    path = tmp_path / "home"
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # mlflow.set_tracking_uri sets it
    monkeypatch.delenv("FERLAB_ADDRESSES", raising=False)  # what an earlier test has sealed
    monkeypatch.setenv("FERLAB_HOME", str(path))
    monkeypatch.setenv("FERLAB_CACHE", str(cache))
    return path


@pytest.fixture(scope="session")
def empty_store(stores: Path) -> Path:
    """A store with nothing in it, to be copied."""
    return stores / "elsewhere.db"


@pytest.fixture
def made_store(home: Path, empty_store: Path) -> None:
    """The home has a store, and nothing in it."""
    home.mkdir()
    shutil.copy(empty_store, home / "mlflow.db")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw none of their figures, here and in commands that the test starts."""
    quick.without_pictures(monkeypatch.setattr)
    monkeypatch.setenv(quick.VARIABLE, f"{os.environ.get(quick.VARIABLE, '')} {quick.PICTURES}")


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that another process has locked is found so after a second."""
    monkeypatch.setenv(quick.VARIABLE, f"{os.environ.get(quick.VARIABLE, '')} {quick.PATIENCE}")
    event.listen(Engine, "before_cursor_execute", quick.soon_busy, retval=True)
    yield
    event.remove(Engine, "before_cursor_execute", quick.soon_busy)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command line in a process of its own, in an empty folder, as a user does."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        return warm.run(arguments, cwd=folder, env=environment)

    return run


def run_id_of(text: str) -> str:
    """The run id that ``ferlab train`` prints."""
    return next(
        line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith("run ")
    )


def pytest_collection_finish() -> None:
    """What was imported stays: no run has to look through it for garbage before it begins."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sum up what tests counted."""
    counted: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, counts in report.user_properties:
            if name == "counted":
                counted.update(counts)
    if counted:
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(counted.items()))
        terminalreporter.write_line(f"survived: {told}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Behind a test of the ``lab``, whichever it is, there is training."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
