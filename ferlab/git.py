"""Git, asked about one folder: no hook runs, and no variable leads it to another repository."""

import os
import subprocess
from pathlib import Path

_REDIRECTIONS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})  # as a hook has them

_SETTINGS = ("-c", "core.quotePath=off", "-c", "core.hooksPath=/dev/null")


def git(folder: Path, *arguments: str, text: str = "", timeout: float | None = None) -> str | None:
    """What git prints in a folder.

    Args:
        folder: where it is asked.
        arguments: the command and what it takes.
        text: what git reads on its standard input.
        timeout: seconds after which it is given up; None waits for ever.

    Returns:
        None if it fails, is not there or takes too long.
    """
    # What only looks takes no lock: git would write its index.
    command = ["git", "--no-optional-locks", *_SETTINGS, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            env={key: value for key, value in os.environ.items() if key not in _REDIRECTIONS},
            input=text.encode(),
            capture_output=True,
            timeout=timeout,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
