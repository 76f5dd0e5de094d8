"""A home with one small run in it, for the tests of a file that imports `lab`."""

from pathlib import Path

import pytest

from ferlab.config.compose import compose
from ferlab.training.run import train
from tests.conftest import TINY

FAST = [*TINY, "data.images=140", "trainer.max_epochs=1"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, str]:
    """A home, and the id of the one run in it."""
    home = tmp_path_factory.mktemp("lab") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        return home, train(compose(FAST)).run_id
