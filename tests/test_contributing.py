"""What CONTRIBUTING.md tells is so: its recipes work, and its house is the one that stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferlab.tracking import artifacts, store
from tests.conftest import run_id_of
from tests.documents import CONTRIBUTING, ROOT, blocks, commands
from tests.processes import run
from tests.test_rooms import FLOORS

TEXT = CONTRIBUTING.read_text()
COPIED = ("ferlab", "conf", "experiments", "hydra_plugins", "tests", "pyproject.toml")
HOUSE_TESTS = (
    *("tests/test_rooms.py", "tests/config/test_tables.py", "tests/models/test_tables.py"),
    "tests/models/test_models.py",
)
"""Those that walk over the tables, so that an addition is under test by being there."""

OF_THE_ADDITIONS = "simam or Arrays or arrays or sureness or goes_down or one_thing or small"


def test_the_floors_are_those_of_the_house() -> None:
    told = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in TEXT.splitlines() if "|" in line]
    assert [set(names) for names in told if names] == [
        set(names) - {"__version__"} for names in FLOORS if names != ("__main__",)
    ]


def test_every_recipe_is_whole() -> None:
    recipes = re.split(r"^## (?=Add )", TEXT, flags=re.MULTILINE)[1:]
    assert len(recipes) == 3
    for recipe in recipes:
        paths = [block.path for block in blocks(recipe)]
        assert any(path.startswith("tests/") for path in paths)
        assert "CHANGELOG.md" in paths


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ferlab to which everything was added that the recipes add."""
    root = tmp_path_factory.mktemp("grown")
    for name in (*COPIED, "CHANGELOG.md"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    if (known := ROOT / ".mypy_cache").exists():
        shutil.copytree(known, root / known.name)  # of `make lint`: what was checked there is known
    for block in blocks(TEXT):
        if block.path:
            block.apply(root)
        else:
            done = in_copy(root, ["bash", "-e", "-c", block.text])
            assert done.returncode == 0, done.stderr
    for step in (["check", "--quiet", "--fix"], ["format", "--quiet"]):
        done = in_copy(root, [sys.executable, "-m", "ruff", *step])
        assert done.returncode == 0, done.stdout + done.stderr
    return root


def in_copy(
    root: Path, command: list[str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return run(command, cwd=cwd or root, env={"PYTHONPATH": str(root), "PATH": path})


def save_faces(path: Path) -> None:
    """Bright and dark noise, in two classes and three splits."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    images = rng.integers(0, 120, (80, 48, 48), np.uint8)
    images[labels == 0] += 120
    np.savez(path, images=images, labels=labels, split=np.repeat([0, 1, 2], [48, 16, 16]))


@pytest.mark.slow
def test_what_was_added_passes_the_tests_of_the_house(grown: Path) -> None:
    own = [block.path for block in blocks(TEXT) if block.path.startswith("tests/")]
    pytest_in_copy = [sys.executable, "-m", "pytest", "--numprocesses", "0"]
    done = in_copy(grown, [*pytest_in_copy, *HOUSE_TESTS, *own, "-k", OF_THE_ADDITIONS])
    assert done.returncode == 0, done.stdout
    code = [b.path for b in blocks(TEXT) if b.path.startswith("ferlab/")]
    typed = in_copy(grown, [sys.executable, "-m", "mypy", *dict.fromkeys(code)])
    assert typed.returncode == 0, typed.stdout
    golden = (grown / "tests" / "models" / "golden.csv").read_text()
    assert "\ncompact,simam,538343," in golden  # it has no parameters


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_what_was_added_is_audited_swept_and_recorded(grown: Path, tmp_path: Path) -> None:
    save_faces(tmp_path / "faces.npz")
    alone, kinds, audit, data = commands(TEXT)
    assert "model.attention.kind=simam" in alone
    ferlab = [sys.executable, "-m", "ferlab"]
    audited = in_copy(grown, [*ferlab, *audit], tmp_path)
    assert audited.returncode == 0, audited.stderr
    assert "angry" in audited.stdout
    tiny = [
        *("model=tiny", "trainer.max_epochs=1", "trainer.batch_size=16", "trainer.threads=1"),
        *("hydra/launcher=basic", "study.name=grown"),
    ]
    sweep = in_copy(grown, [*ferlab, *kinds, *data[1:], *tiny], tmp_path)
    assert sweep.returncode == 0, sweep.stderr
    assert "3 of 3 trials count (3 complete" in sweep.stdout
    client = store.connect(None)
    assert "figures/sureness.png" in artifacts.list_files(client, run_id_of(sweep.stdout))
    names = {str(run.info.run_name) for run in client.search_runs(["1"])}
    assert any(name.startswith("simam smoothing 0.0001 @all") for name in names)
