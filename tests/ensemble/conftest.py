"""A few small runs, and two of them made one."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ferlab.config.compose import compose
from ferlab.ensemble.combine import combine
from ferlab.ensemble.members import find_members
from ferlab.ensemble.record import CombinedResult, record_combined
from ferlab.tracking import environment
from ferlab.training.run import train
from tests.reproduce.conftest import COMMITTED, FAST
from tests.reproduce.runs import client


class Lab(NamedTuple):
    """A home, and the ids of what is in it.

    Attributes:
        home: the folder.
        first: a run.
        second: the same under another seed.
        wider: the same with another network.
        made: the first two as an ensemble.
    """

    home: Path
    first: str
    second: str
    wider: str
    made: str


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Lab:
    """A home with some runs in it, which were trained for one epoch."""
    home = tmp_path_factory.mktemp("lab") / "home"
    others = [[], ["seed=1"], ["model.stages.2.widths=[24]"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        patch.setattr(environment, "git_state", lambda folder: COMMITTED)
        runs = [train(compose([*FAST, "trainer.max_epochs=1", *more])).run_id for more in others]
        entries = find_members(client(), runs[:2])
        combined = combine(client(), entries, "ensemble")
        return Lab(home, *runs, record_combined(client(), CombinedResult.of(combined)))


@pytest.fixture(autouse=True)
def runs(lab: Lab, home: Path, no_pictures: None, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Those runs; their store is shared by the tests of a file."""
    del home, no_pictures  # which come before
    monkeypatch.setenv("FERLAB_HOME", str(lab.home))
    monkeypatch.setattr(environment, "git_state", lambda folder: COMMITTED)
    return lab
