"""Training by the code of a run's commit, in a git worktree beside the user's checkout."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ferlab import paths
from ferlab.errors import FerlabError, Outage, TrackingError
from ferlab.git import git
from ferlab.tracking.environment import DIFF_LIMIT

_TRAIN = """
import json, logging, os, sys
logging.basicConfig(format="%(message)s", stream=sys.stderr)
logging.getLogger("ferlab").setLevel(logging.INFO)
sys.path.append(os.getcwd())
from ferlab.config import check
from ferlab.errors import FerlabError
try:
    from ferlab.training.patient import train_patiently as train
except ImportError:
    from ferlab.training.run import train
task = json.load(sys.stdin)
try:
    answer = {"run_id": train(check(task["config"]), tags=task["tags"]).run_id}
except FerlabError as error:
    answer = {"error": str(error), "is_outage": type(error).__name__ == "Outage"}
print(json.dumps(answer))
"""
"""Script that trains a run there; it needs only what every ferlab with a recorded run has.

One that does not wait for a store, or a disk, that is away ends its run, to be resumed.
"""


@contextmanager
def checked_out(commit: str | None, diff: str) -> Iterator[Path]:
    """Yield a checkout of a commit with a recorded diff applied, removed when the context ends.

    Raises:
        TrackingError: the commit or the diff cannot be had any more.
    """
    if not commit:
        raise TrackingError("the run did not record a commit; leave out --at-commit")
    if diff.startswith("# cut: "):
        raise TrackingError(
            f"the run's uncommitted changes were longer than {DIFF_LIMIT:,} characters, and were "
            "not recorded whole; leave out --at-commit"
        )
    repository = paths.shipped()
    if (
        not re.fullmatch(r"[0-9a-f]{7,64}", commit)
        or git(repository, "cat-file", "-e", f"{commit}^{{commit}}") is None
    ):
        raise TrackingError(
            f"commit {commit} is not in the checkout of {repository}; "
            "fetch it, or leave out --at-commit"
        )
    paths.home().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="at-commit-", dir=paths.home()) as scratch:
        tree = Path(scratch, commit[:12])
        try:
            if git(repository, "worktree", "add", "--detach", str(tree), commit) is None:
                raise TrackingError(f"git cannot check out {commit} in {tree}")
            patch = "".join(
                line
                for line in diff.splitlines(keepends=True)
                if not line.startswith("# untracked: ")
            )
            if patch and git(tree, "apply", "--whitespace=nowarn", text=patch) is None:
                raise TrackingError(
                    f"the recorded changes do not apply to {commit}; leave out --at-commit"
                )
            if not (tree / "ferlab").is_dir():
                raise TrackingError(f"there is no ferlab in commit {commit}")
            yield tree
        finally:
            git(repository, "worktree", "remove", "--force", str(tree))
            git(repository, "worktree", "prune")


def untracked(diff: str) -> list[str]:
    """The files that a run's checkout had and that no diff can bring back."""
    marker = "# untracked: "
    return [line.removeprefix(marker) for line in diff.splitlines() if line.startswith(marker)]


def train_in(tree: Path, config: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """Train a run by the code in a checkout; returns its id.

    The config's targets must have been allowed before.

    Raises:
        FerlabError: the code there refuses the config, or the run ended early.
        Outage: what it needs was away for too long.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _TRAIN],
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        out, _ = process.communicate(json.dumps({"config": dict(config), "tags": dict(tags)}))
    except KeyboardInterrupt:
        process.wait()  # it got the signal, too, and records its end
        raise
    try:
        answer = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise FerlabError(
            f"the code of that commit cannot train this config (exit code {process.returncode})"
        ) from error
    if "error" in answer:
        told = f"by the code of that commit: {answer['error']}"
        raise Outage(told) if answer["is_outage"] else FerlabError(told)
    return str(answer["run_id"])
