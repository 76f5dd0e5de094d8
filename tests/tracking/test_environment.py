import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from ferlab.tracking import environment


def git(folder: Path, *arguments: str) -> str:
    author = (
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        "-c",
        "commit.gpgsign=false",
    )
    done = subprocess.run(
        ["git", *author, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with two committed files, one of them binary."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "net.py").write_text("width = 32\n")
    (folder / "face.bin").write_bytes(bytes(range(256)))
    (folder / ".gitignore").write_text("mlruns/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_describe_is_plain_and_true() -> None:
    found = environment.describe_environment()
    assert json.loads(json.dumps(asdict(found)))["python"] == found.python
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.threads == torch.get_num_threads()
    assert found.libraries["torch"] == torch.__version__
    assert found.libraries["numpy"] == np.__version__
    assert found.cpu
    assert 2**28 < found.memory < 2**50
    assert len(found.gpus) == torch.cuda.device_count()


def test_describe_tells_builds_of_torch_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "9.0+cu130")  # as on PyPI, whose metadata say 9.0
    assert environment.describe_environment().libraries["torch"] == "9.0+cu130"


def test_describe_names_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", "GPU {}".format)
    assert environment.describe_environment().gpus == ("GPU 0", "GPU 1")


@pytest.mark.parametrize(
    ("report", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC\n"
            "GCC version:  gcc version 12.2.0\n",
            "550.54.15",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57  Release Build\n",
            "575.57",
        ),
        ("something else\n", None),
        (None, None),
    ],
)
def test_the_driver_is_read_from_its_report(
    tmp_path: Path, report: str | None, version: str | None
) -> None:
    path = tmp_path / "version"
    if report is not None:
        path.write_text(report)
    assert environment._gpu_driver(path) == version


def test_of_the_environment_variables_only_those_that_change_sums_are_recorded(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_TOKEN", "MKLROOT", "X_ATEN_Y"):
        monkeypatch.setenv(name, "hunter2")
    sums = {"ATEN_A": "1", "DNNL_MAX_CPU_ISA": "2", "MKL_CBWR": "3", "ONEDNN_MAX_CPU_ISA": "4"}
    for name, value in sums.items():
        monkeypatch.setenv(name, value)
    assert environment.describe_environment().variables == sums
    git(checkout, "remote", "add", "origin", "https://ada:hunter2@example.org/ferlab.git")
    records = (
        environment.describe_environment(),
        environment.requirements(),
        environment.git_state(checkout),
    )
    assert "hunter2" not in repr(records)


def test_packages_are_sorted_pins() -> None:
    lines = environment.requirements().splitlines()
    assert f"numpy=={np.__version__}" in lines
    assert lines == sorted(lines, key=lambda line: line.split("==")[0].lower())
    assert all(len(line.split("==")) == 2 for line in lines)


def test_a_clean_checkout(checkout: Path) -> None:
    (checkout / "mlruns").mkdir()
    (checkout / "mlruns" / "ignored").touch()
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert environment.git_state(checkout) == environment.GitState(commit, "main", False, "")


def test_the_diff_rebuilds_the_code_from_any_folder_of_the_checkout(checkout: Path) -> None:
    below = checkout / "sub"
    below.mkdir()
    (checkout / "net.py").write_text("width = 64\n")
    (checkout / "face.bin").write_bytes(bytes(range(255, -1, -1)))
    (checkout / "staged.py").write_text("depth = 3\n")
    git(checkout, "add", "staged.py")
    (checkout / "grün.py").write_text("new = True\n")
    state = environment.git_state(below)
    assert state is not None
    assert state.dirty
    assert state.diff.splitlines()[0] == "# untracked: grün.py"

    patch = checkout.parent / "dirty.diff"
    patch.write_text(state.diff)
    changed = {name: (checkout / name).read_bytes() for name in ("net.py", "face.bin", "staged.py")}
    git(checkout, "reset", "-q", "--hard")
    git(checkout, "apply", str(patch))
    assert {name: (checkout / name).read_bytes() for name in changed} == changed


def test_an_untracked_file_alone_makes_a_checkout_dirty(checkout: Path) -> None:
    (checkout / "new.py").touch()
    state = environment.git_state(checkout)
    assert state is not None
    assert (state.dirty, state.diff) == (True, "# untracked: new.py\n")


def test_a_long_diff_is_cut_and_says_so(checkout: Path) -> None:
    (checkout / "net.py").write_text("0123456789\n" * 200_000)
    state = environment.git_state(checkout)
    assert state is not None
    note = state.diff.splitlines()[0]
    assert note.startswith("# cut: the first 1,000,000 of 2,400,")
    assert len(state.diff) == environment.DIFF_LIMIT + len(note) + 1


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "net.py").write_text("width = 32\n")
    git(tmp_path, "add", "net.py")
    state = environment.git_state(tmp_path)
    assert state is not None
    assert (state.commit, state.branch, state.dirty) == (None, "main", True)
    assert "+width = 32" in state.diff


def test_a_detached_checkout_has_no_branch(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--detach")
    state = environment.git_state(checkout)
    assert state is not None
    assert state.branch is None


def test_no_state_without_a_checkout_or_without_git(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.git_state(tmp_path) is None
    assert environment.git_state(tmp_path / "nowhere") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_state(checkout) is None


def test_a_hook_s_variables_do_not_lead_elsewhere(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = environment.git_state(checkout)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert environment.git_state(checkout) == expected
