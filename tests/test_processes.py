"""What a test starts is gone when the test is over, and is waited for as long as it gets on."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest

from tests import processes
from tests.processes import Command, Stuck, called, run, started, wait_until

FAMILY = """
import os, subprocess, sys, time
here = sys.argv[1]
def said(name):
    open(f"{here}/{name}", "w").write(str(os.getpid()))
if len(sys.argv) == 2:
    subprocess.Popen([sys.executable, __file__, here, "child"])
    subprocess.Popen([sys.executable, __file__, here, "forsaken"], start_new_session=True).wait()
elif sys.argv[2] == "forsaken":  # its child lives on, in a session of its own, with no parent
    subprocess.Popen([sys.executable, __file__, here, "orphan"], start_new_session=True)
    sys.exit()
said(sys.argv[2] if len(sys.argv) > 2 else "root")
time.sleep(600)
"""


def family(folder: Path) -> list[psutil.Process]:
    """A root, its child, and an orphan, once all have said that they are there."""
    names = ("root", "child", "orphan")
    wait_until(lambda: all((folder / name).exists() for name in names))
    wait_until(lambda: all((folder / name).read_text() for name in names))
    return [psutil.Process(int((folder / name).read_text())) for name in names]


def be_family(folder: Path) -> None:
    os.execv(sys.executable, [sys.executable, str(folder / "family.py"), str(folder)])  # noqa: S606


@contextmanager
def as_command(folder: Path) -> Iterator[Command]:
    with started([sys.executable, str(folder / "family.py"), str(folder)]) as command:
        yield command


@contextmanager
def as_call(folder: Path) -> Iterator[Command]:
    with called(multiprocessing.get_context("spawn"), be_family, folder) as command:
        yield command


@pytest.mark.parametrize("start", [as_command, as_call])
@pytest.mark.parametrize("kill_the_root", [False, True])
def test_when_a_test_fails_in_the_middle_nothing_that_it_started_is_left(
    start: Callable[[Path], AbstractContextManager[Command]], kill_the_root: bool, tmp_path: Path
) -> None:
    (tmp_path / "family.py").write_text(FAMILY)
    members: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError), start(tmp_path) as command:
        members += family(tmp_path)
        assert all(member.is_running() for member in members)
        assert members[0].pid == command.pid
        if kill_the_root:
            members[0].kill()
        raise ZeroDivisionError
    assert not any(map(processes._runs, members))
    assert not members[0].is_running()  # it was waited for


def test_a_command_is_run_to_its_end() -> None:
    code = "import sys; print('told'); sys.exit(f'{sys.stdin.read()!r}, {sys.argv[1:]}')"
    done = run([sys.executable, "-c", code, "1", "2"], env={"PYTHONUTF8": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (1, "told\n", "'', ['1', '2']\n")


def test_what_uses_no_processor_is_waited_for_no_longer_than_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 1)
    code = "import time; print('at the lock', flush=True); time.sleep(600)"
    with started([sys.executable, "-c", code]) as command:
        message = "in 1 s not 1 s of CPU time were used; it wrote:\nat the lock\n"
        with pytest.raises(Stuck, match=f"^{message}$"):
            command.finish()


def test_what_waits_for_another_that_works_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 1)
    monkeypatch.setattr(processes, "PACE", 0.1)
    lock = tmp_path / "lock"
    lock.touch()
    work = f"import os, time\nwhile time.process_time() < 2: pass\nos.unlink({str(lock)!r})"
    wait = f"import os, time\nwhile os.path.exists({str(lock)!r}): time.sleep(0.1)"
    begin = time.monotonic()
    with started([sys.executable, "-c", work]), started([sys.executable, "-c", wait]) as waiter:
        assert waiter.finish() == 0
    assert time.monotonic() - begin > 2 * processes.PATIENCE


def test_a_command_that_ends_before_what_is_waited_for_is_told_with_its_output() -> None:
    with (
        started([sys.executable, "-c", "import sys; sys.exit('out of ideas')"]) as command,
        pytest.raises(Stuck, match=r"^it ended before, with exit code 1; it wrote:\nout of ideas"),
    ):
        command.until(lambda: False)
