"""Commands that start at once: each a process of its own, forked from one that has imported all."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.processes import Command, called

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["ferlab.sweep.sweeper", "ferlab.sweep.workers.trial"])


def started(arguments: Sequence[str], output: Path) -> AbstractContextManager[Command]:
    """``ferlab ARGUMENTS`` in a process whose exit code is the command's."""
    output.touch()
    return called(SERVER, _run, list(arguments), output, dict(os.environ), outputs=(output,))


def _run(arguments: list[str], output: Path, environment: dict[str, str]) -> None:
    os.environ.update(environment)  # the server's are those of the first test
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from ferlab.cli import main

    sys.exit(main(arguments))
