"""A study that was swept on pictures of its own, and its bundle, for all tests of where it goes."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.tracking import store
from tests import quick
from tests.conftest import TINY
from tests.reproduce.runs import write_tree

SWEEP = (
    *("train", "-m", *TINY[1:], "data=fer2013", "trainer.max_epochs=2", "study.name=s"),
    *("optimizer.lr=interval(0.05,0.2)", "study.replicates=2", "hydra/launcher=basic"),
)
"""Two seeds of each point, on 28 pictures."""


@dataclass(frozen=True)
class Lab:
    """Where a study was trained.

    Attributes:
        home: ferlab's.
        pictures: its data.
        bundle: all of the study, without weights.
    """

    home: Path
    pictures: Path
    bundle: Path

    @property
    def sweep(self) -> list[str]:
        """What it was trained by, but for how many trials."""
        return [*SWEEP, f"data.path={self.pictures}"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path, empty_store: Path) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab of someone")
    found = Lab(folder / "home", folder / "pictures", folder / "study.zip")
    write_tree(found.pictures)
    found.home.mkdir()
    shutil.copy(empty_store, found.home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(found.home))
        patch.setenv("FERLAB_CACHE", str(cache))
        patch.chdir(folder)
        quick.without_pictures(patch.setattr)
        assert command_line.main([*found.sweep, "study.trials=2"]) == 0
        assert command_line.main(["ensemble", "best:s"]) == 0
        assert command_line.main(["export", "s", str(found.bundle)]) == 0
    yield found


@pytest.fixture
def there(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Where the study was trained."""
    monkeypatch.setenv("FERLAB_HOME", str(lab.home))
    return lab


@pytest.fixture
def far(home: Path, made_store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: an empty home, and the folder in which its user is."""
    del made_store
    folder = tmp_path / "far away"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert not (home / "studies").exists()
    return folder


@pytest.fixture
def ids() -> Callable[[], set[str]]:
    """Of all runs in the store."""
    return lambda: {run.info.run_id for run in store.runs_with(store.connect(None), {})}
