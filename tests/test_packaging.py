"""An installed ferlab is whole: it carries its configs and works from any folder."""

import os
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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


def test_the_wheel_carries_configs_experiments_and_the_page(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments"):
        shipped = {f"ferlab/{file.relative_to(ROOT)}" for file in (ROOT / folder).rglob("*.yaml")}
        assert shipped
        assert shipped <= names
    page = ROOT / "ferlab" / "use" / "serve" / "page"
    assert {f"ferlab/use/serve/page/{file.name}" for file in page.iterdir()} <= names
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


def test_the_locks_are_cleaned_by_any_sed(tmp_path: Path) -> None:
    """GNU's and BSD's agree on -i only if a suffix is attached to it; BSD's has no long options."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock", "requirements-full.lock"):
        (tmp_path / name).write_text("torch==2.13.0+cpu\nnumpy==2.0\npgserver==0.1.4\n")
    told = run(["make", "--dry-run", "lock"], cwd=tmp_path).stdout
    (step,) = [line for line in told.splitlines() if line.startswith("sed ")]
    (tmp_path / "sed").write_text(
        f'#!/bin/sh\nfor a in "$@"; do case "$a" in -i|--*) exit 1;; esac; done\n'
        f'exec {shutil.which("sed")} "$@"\n'
    )
    (tmp_path / "sed").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run(["/bin/sh", "-ec", step], cwd=tmp_path, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    for name in ("requirements.lock", "requirements-full.lock"):
        torch, numpy, server = (tmp_path / name).read_text().splitlines()
        assert (torch, numpy) == ("torch==2.13.0", "numpy==2.0")
        condition = Requirement(server).marker
        assert condition is not None
        assert not condition.evaluate({"platform_machine": "aarch64", "sys_platform": "linux"})


def test_a_sweep_installs_less_than_the_tests_do_and_nothing_else() -> None:
    """Both locks hold the same versions; launchers, databases and test tools are in one only."""
    small, full = (
        {
            requirement.name: str(requirement.specifier)
            for line in (ROOT / name).read_text().splitlines()
            if line and not line.lstrip().startswith("#")
            for requirement in [Requirement(line)]
        }
        for name in ("requirements.lock", "requirements-full.lock")
    )
    assert small.items() < full.items()
    assert full.keys() - small.keys() >= {"ray", "psycopg", "pgserver", "pytest", "mypy"}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {Requirement(line).name for line in asked} <= small.keys()
