"""A command that dies before one of its writes. Each of them imports this, so it imports little."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import warm

_CHANGES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
)


def run(
    arguments: list[str],
    cwd: Path,
    env: dict[str, str],
    outputs: Sequence[Path],
    log: Path | None,
    last: int | None,
) -> None:
    """Run ``ferlab ARGUMENTS`` in this process, as `warm.run_here`, and count what it writes.

    A write is a file of ferlab's home that is opened for writing, renamed, made or removed, or a
    commit to a database.

    Args:
        arguments: of the command line.
        cwd: the folder in which it is typed.
        env: variables beside those of this process.
        outputs: files for stdout and stderr.
        log: gets a line for each write; it does not count itself.
        last: the number of the write, from 0, before which the process is killed; None for none.
    """
    home = os.path.realpath({**os.environ, **env}["FERLAB_HOME"])
    lines = None if log is None else log.open("w", buffering=1)
    done = 0

    def count(what: str) -> None:
        nonlocal done
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        if lines is not None:
            lines.write(f"{what}\n")

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            flags = args[2] if isinstance(args[2], int) else 0
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            writes = event in _CHANGES
        if writes and _path(event, args).startswith(home):
            count(f"{event} {_path(event, args)}")

    sys.addaudithook(audit)
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "commit", lambda _: count("commit"))
    warm.run_here(arguments, cwd, env, outputs)


def _path(event: str, args: tuple[Any, ...]) -> str:
    """The path that an audited call changes; of a file descriptor, none."""
    path = args[1] if event in ("os.link", "os.symlink") else args[0]
    if isinstance(path, int):
        return ""
    folder = args[-1] if event != "open" else -1  # a descriptor, or -1 for the current folder
    below = Path(f"/proc/self/fd/{folder}").resolve() if folder >= 0 else Path.cwd()
    return str(below / os.fsdecode(path))
