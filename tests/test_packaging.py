"""An installed ferlab is whole: it carries its configs and works from any folder."""

import os
import shutil
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
        "import ferlab; from ferlab import paths; from ferlab.config.compose import compose\n"
        "c = compose(['experiments=seed_se', 'data.path=x'])\n"
        "print(paths.shipped(), c.model.name, c.model.attention.kind)"
    )
    done = run(
        [sys.executable, "-c", code], cwd=tmp_path / "empty", env={"PYTHONPATH": str(installed)}
    )
    assert done.stdout.split() == [str(installed / "ferlab"), "seed", "se"]


def test_the_lock_is_cleaned_by_any_sed(tmp_path: Path) -> None:
    """GNU's and BSD's agree on -i only if a suffix is attached to it; BSD's has no long options."""
    makefile = (ROOT / "Makefile").read_text()
    (step,) = [line.strip() for line in makefile.splitlines() if line.startswith("\tsed ")]
    (tmp_path / "sed").write_text(
        f'#!/bin/sh\nfor a in "$@"; do case "$a" in -i|--*) exit 1;; esac; done\n'
        f'exec {shutil.which("sed")} "$@"\n'
    )
    (tmp_path / "sed").chmod(0o755)
    (tmp_path / "requirements.lock").write_text("torch==2.13.0+cpu\nnumpy==2.0\n")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run(["/bin/sh", "-ec", step.replace("$$", "$")], cwd=tmp_path, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"sed", "requirements.lock"}
    assert (tmp_path / "requirements.lock").read_text() == "torch==2.13.0\nnumpy==2.0\n"
