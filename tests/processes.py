"""Commands that tests start: waited for while they get on, and ended with all that came of them.

How long a command takes depends on what else the machine does, so no clock bounds it. What must go
on is the use of CPU time, by any process below this one: one may wait for a lock that another has.
"""

import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import psutil

from ferlab.sweep.launchers import forked

PATIENCE, PACE = 120.0, 1.0
"""So many seconds of CPU time must be used within so many; what only waits and looks uses less."""

_MARK = "FERLAB_TEST_COMMAND"
"""The environment variable by which a command's processes are known, whoever their parent is."""


class Stuck(AssertionError):
    """What a test waits for cannot come any more."""


@dataclass(frozen=True)
class Command:
    """A command that was started.

    Attributes:
        pid: of its first process.
        poll: gives its exit code, None while it runs.
        outputs: the files that it writes.
    """

    pid: int
    poll: Callable[[], int | None]
    outputs: tuple[Path, ...]

    def told(self) -> str:
        """What it has written so far."""
        return "".join(path.read_text(errors="replace") for path in self.outputs)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds.

        Raises:
            Stuck: it ended before, or nothing moves any more.
        """

        def holds() -> bool:
            code = self.poll()  # asked first: what an ended command leaves is there by then
            if condition():
                return True
            if code is not None:
                raise Stuck(f"it ended before, with exit code {code}")
            return False

        self._wait(holds)

    def finish(self) -> int:
        """Wait for its end; returns its exit code.

        Raises:
            Stuck: nothing moves any more.
        """
        self._wait(lambda: self.poll() is not None)
        code = self.poll()
        assert code is not None
        return code

    def _wait(self, condition: Callable[[], bool]) -> None:
        try:
            wait_until(condition)
        except Stuck as error:
            raise Stuck(f"{error}; it wrote:\n{self.told()}") from None


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, as long as any process below this one gets on.

    Raises:
        Stuck: nothing moves any more.
    """
    used, seen = _cpu_seconds(), time.monotonic()
    looked = seen
    while not condition():
        time.sleep(0.05)
        now = time.monotonic()
        if now - looked < min(1, PATIENCE / 4):
            continue
        looked = now
        if abs((found := _cpu_seconds()) - used) >= PACE:  # less, where one is gone
            used, seen = found, now
        elif now - seen > PATIENCE:
            raise Stuck(f"in {PATIENCE:g} s not {PACE:g} s of CPU time were used")


@contextmanager
def started(
    command: Sequence[str], env: dict[str, str] | None = None, **options: Any
) -> Iterator[Command]:
    """A command while the block runs; afterwards nothing of it is left, however the block ended.

    Args:
        command: the program and its arguments.
        env: variables beside those of this process, or instead of them.
        options: of `subprocess.Popen`; a stdout or stderr that they do not name goes to a file.
    """
    mark = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="command-") as folder:
        outputs = tuple(Path(folder, name) for name in ("stdout", "stderr") if name not in options)
        with ExitStack() as files:
            streams = {path.name: files.enter_context(path.open("wb")) for path in outputs}
            process = subprocess.Popen(
                command,
                env={**os.environ, **(env or {}), _MARK: mark},
                **{"stdin": subprocess.DEVNULL, **streams, **options},
            )
        running = Command(process.pid, process.poll, outputs)
        with _ending(running, mark, process.wait):
            yield running


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """A command from its beginning to its end, as `subprocess.run` has it; options as `started`."""
    with started(command, **options) as process:
        code = process.finish()
        texts = {path.name: path.read_text() for path in process.outputs}
    return subprocess.CompletedProcess(command, code, **texts)


@contextmanager
def called(
    context: BaseContext, function: Callable[..., None], *args: Any, outputs: tuple[Path, ...] = ()
) -> Iterator[Command]:
    """A function's call in a process of `multiprocessing`; else as `started`."""
    mark = secrets.token_hex(8)
    environment = {**os.environ, _MARK: mark}
    process = context.Process(target=_call, args=(environment, function, args))
    process.start()
    running = Command(process.pid, lambda: process.exitcode, outputs)
    with _ending(running, mark, process.join):
        yield running


def forked_by(pid: int) -> list[psutil.Process]:
    """What a command has forked from its own server, as it has workers; none, once it ended."""
    with suppress(psutil.NoSuchProcess):  # one is ending just now
        servers = psutil.Process(pid).children()
        return [process for server in servers for process in server.children()]
    return []


def _call(
    environment: dict[str, str], function: Callable[..., None], args: tuple[Any, ...]
) -> None:
    os.environ.clear()  # a fork server's is that of whoever asked it first
    os.environ.update(environment)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forked.SIGNALS)  # likewise
    function(*args)


@contextmanager
def _ending(command: Command, mark: str, reap: Callable[[], object]) -> Iterator[None]:
    """Kill a command, what it started, and whatever carries its mark, until nothing of it runs."""
    try:
        yield
    finally:
        while family := _family(command, mark):
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.01)
        reap()


def _family(command: Command, mark: str) -> list[psutil.Process]:
    found = set()
    if command.poll() is None:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(command.pid)
            found = {first, *first.children(recursive=True)}
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it is gone, or somebody else's
            if process.environ().get(_MARK) == mark:
                found.add(process)
    return [process for process in found if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    """Whether it can still do anything; what nobody has waited for cannot."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _cpu_seconds() -> float:
    """CPU time of all processes below this one, and of those that these have waited for."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
