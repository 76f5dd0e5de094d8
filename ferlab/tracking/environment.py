"""The machine, the libraries and the code that a run came from; never addresses or secrets."""

import os
import platform
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

import psutil

from ferlab.git import git

LIBRARIES = (
    "ferlab",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "hydra-core",
    "optuna",
    "mlflow",
)
"""Distributions that a run's numbers and records depend on."""

VARIABLES = ("ATEN_", "DNNL_", "MKL_", "ONEDNN_")
"""Beginnings of the environment variables that choose how floats are summed; no other is kept."""

DIFF_LIMIT = 1_000_000
"""Longest recorded diff, in characters."""

_GIT_TIMEOUT = 10.0  # seconds; a larger checkout than that is not worth a run's wait
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # known to every git


@dataclass(frozen=True)
class Environment:
    """What a run's numbers and times depend on besides its config; plain values, fit for JSON.

    Attributes:
        python: version of the interpreter.
        platform: operating system, its release and the architecture.
        cpu: the processor's name.
        cpu_capability: the vector instructions that torch picked, which decide the last bits.
        physical_cores: number on the machine; None where the system does not say.
        logical_cores: number on the machine; this process may be bound to fewer.
        threads: number of torch's threads, at the time of asking.
        memory: memory of the machine, in bytes.
        gpus: names, in CUDA's order; empty without CUDA.
        gpu_driver: version of NVIDIA's driver, None without CUDA or where the system does not say.
        cuda: version that torch was built for, None for a CPU build.
        mkl: whether torch has Intel's MKL.
        onednn: whether torch has oneDNN.
        libraries: installed version of each of `LIBRARIES`, by name.
        variables: environment variables that begin with one of `VARIABLES`, by name.
    """

    python: str
    platform: str
    cpu: str
    cpu_capability: str
    physical_cores: int | None
    logical_cores: int | None
    threads: int
    memory: int
    gpus: tuple[str, ...]
    gpu_driver: str | None
    cuda: str | None
    mkl: bool
    onednn: bool
    libraries: dict[str, str]
    variables: dict[str, str]


@dataclass(frozen=True)
class GitState:
    """State of the code in a checkout.

    Attributes:
        commit: full hash, None before the first commit.
        branch: None when detached.
        dirty: whether a file differs from the commit, or is neither tracked nor ignored.
        diff: a patch that ``git apply`` takes, from the commit to the tracked files, below one line
            ``# untracked: name`` per untracked file; cut after `DIFF_LIMIT` characters, which its
            first line then says.
    """

    commit: str | None
    branch: str | None
    dirty: bool
    diff: str


def describe_environment() -> Environment:
    """The environment of this process."""
    import torch  # noqa: PLC0415  here: runs are listed and shown without it

    devices = range(torch.cuda.device_count())
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count(),
        threads=torch.get_num_threads(),
        memory=psutil.virtual_memory().total,
        gpus=tuple(torch.cuda.get_device_name(device) for device in devices),
        gpu_driver=_gpu_driver() if devices else None,
        cuda=torch.version.cuda,
        mkl=torch.backends.mkl.is_available(),  # type: ignore[no-untyped-call]
        onednn=torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        libraries={name: found for name in LIBRARIES if (found := _version(name))},
        variables={k: v for k, v in sorted(os.environ.items()) if k.startswith(VARIABLES)},
    )


@cache
def requirements() -> str:
    """All installed distributions as lines of ``name==version``, sorted by name."""
    found: dict[str, str] = {}
    for distribution in distributions():
        # The first of a name is the one that is imported; a broken install has no name.
        if name := distribution.metadata["Name"]:
            found.setdefault(name, distribution.version)
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def git_state(folder: Path) -> GitState | None:
    """The state of the checkout that holds a folder.

    None if there is none, there is no git, or it does not answer in time. Nothing is written, not
    even git's index.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        return None
    root = Path(top.removesuffix("\n"))
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=all")
    if status is None:
        return None
    lines = status.splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    commit = None if headers["branch.oid"] == "(initial)" else headers["branch.oid"]
    branch = None if headers["branch.head"] == "(detached)" else headers["branch.head"]
    changes = [line for line in lines if not line.startswith("# ")]
    untracked = [line[2:] for line in changes if line.startswith("? ")]
    return GitState(commit, branch, bool(changes), _diff(root, commit, untracked))


def _diff(root: Path, commit: str | None, untracked: list[str]) -> str:
    patch = _git(
        root,
        "diff",
        "--binary",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        commit or _EMPTY_TREE,
    )
    if patch is None:
        patch = f"# git gave no diff within {_GIT_TIMEOUT:g} seconds\n"
    text = "".join(f"# untracked: {name}\n" for name in untracked) + patch
    if len(text) > DIFF_LIMIT:
        note = f"# cut: the first {DIFF_LIMIT:,} of {len(text):,} characters\n"
        text = note + text[:DIFF_LIMIT]
    return text


def _git(folder: Path, *arguments: str) -> str | None:
    return git(folder, *arguments, timeout=_GIT_TIMEOUT)


def _cpu() -> str:
    try:
        names = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        names = None
    return names[1] if names else platform.processor() or platform.machine()


def _gpu_driver(report: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    try:
        text = report.read_text()
    except OSError:
        return None
    found = re.search(r"^NVRM version:.*?\s(\d+\.[\d.]+)\s", text, re.M)
    return found[1] if found else None


def _version(name: str) -> str | None:
    if name == "torch":
        import torch  # noqa: PLC0415

        return str(torch.__version__)  # its metadata do not tell the builds apart
    try:
        return version(name)
    except PackageNotFoundError:
        return None
