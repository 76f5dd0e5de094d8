"""Commands that start at once: each a process of its own, forked from one that has imported all."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["ferlab.sweep.sweeper", "ferlab.sweep.workers.trial"])


def start(arguments: Sequence[str], output: Path) -> BaseProcess:
    """``ferlab ARGUMENTS`` in a process whose exit code is the command's."""
    process = SERVER.Process(target=_run, args=(list(arguments), output, dict(os.environ)))
    process.start()
    return process


def _run(arguments: list[str], output: Path, environment: dict[str, str]) -> None:
    os.environ.update(environment)  # the server's are those of the first test
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from ferlab.cli import main

    sys.exit(main(arguments))
