"""Commands that start at once: each a process of its own, forked from one that has imported all."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import quick
from tests.processes import Command, called

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "ferlab.sweep.sweeper",
        "ferlab.sweep.workers.trial",
        "mlflow.store.tracking.sqlalchemy_store",  # which MLflow imports with the first store
    ]
)


@contextmanager
def started(
    arguments: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """``ferlab ARGUMENTS`` while the block runs; else as `tests.processes.started`.

    Args:
        arguments: of the command line.
        cwd: the folder in which it is typed; None for this process's.
        env: variables beside those of this process.
    """
    with tempfile.TemporaryDirectory(prefix="command-") as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        for path in outputs:
            path.touch()
        where = cwd or Path.cwd()
        with called(
            SERVER, run_here, list(arguments), where, dict(env or {}), outputs, outputs=outputs
        ) as command:
            yield command


def run(
    arguments: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``ferlab ARGUMENTS`` from its beginning to its end; arguments as `started`."""
    with started(arguments, cwd, env) as command:
        code = command.finish()
        stdout, stderr = (path.read_text() for path in command.outputs)
    return subprocess.CompletedProcess(list(arguments), code, stdout, stderr)


def run_here(arguments: list[str], cwd: Path, env: dict[str, str], outputs: Sequence[Path]) -> None:
    os.chdir(cwd)
    os.environ.update(env)
    sys.argv = ["ferlab", *arguments]
    for number, path in enumerate(outputs, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    warnings.filterwarnings("error", category=DeprecationWarning, module="ferlab")
    from ferlab.cli import main

    quick.leave_out()
    sys.exit(main())
