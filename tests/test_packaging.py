"""An installed ferlab is whole: it carries its configs and works from any folder."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.processes import run

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(ROOT)),
    ]
    done = run(command)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_configs_and_experiments(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments"):
        shipped = {f"ferlab/{file.relative_to(ROOT)}" for file in (ROOT / folder).rglob("*.yaml")}
        assert shipped
        assert shipped <= names
    assert not any(name.startswith(("tests/", "benchmarks/", "mlruns/")) for name in names)


def test_the_wheel_works_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    (tmp_path / "empty").mkdir()
    code = (
        "import ferlab; from ferlab import paths; from ferlab.config import compose\n"
        "c = compose(['experiments=seed_se', 'data.path=x'])\n"
        "print(paths.shipped(), c.model.name, c.model.attention.kind)"
    )
    done = run(
        [sys.executable, "-c", code], cwd=tmp_path / "empty", env={"PYTHONPATH": str(installed)}
    )
    assert done.stdout.split() == [str(installed / "ferlab"), "seed", "se"]
