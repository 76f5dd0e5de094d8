"""A study's journal, written by ferlab and by Optuna's own tools at once, and after kills."""

import os
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import (
    JournalFileBackend,
    JournalFileOpenLock,
    JournalFileSymlinkLock,
)

from ferlab import paths
from ferlab.errors import TrackingError
from ferlab.sweep.workers import journal as module
from ferlab.sweep.workers.journal import Journal
from ferlab.sweep.workers.storage import open_storage
from tests.processes import started
from tests.sweep.test_study import shared, work

MANY = 40


def theirs(path: Path, lock: type | None = None) -> optuna.Study:
    """The study as optuna-dashboard opens it."""
    backend = JournalFileBackend(str(path), lock_obj=lock(str(path)) if lock else None)
    return optuna.load_study(study_name="s", storage=JournalStorage(backend))


@pytest.mark.parametrize("lock", [None, JournalFileSymlinkLock, JournalFileOpenLock])
@pytest.mark.parametrize("relative", [False, True])
def test_others_write_notes_tags_and_deletes_without_waiting(
    lock: type | None, relative: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(shared(budget=3), 2)
    path = home / "studies" / "s.log"
    assert not path.with_name("s.log.lock").exists()
    if relative:
        monkeypatch.chdir(home)
        path = path.relative_to(home)
    began = time.monotonic()
    study = theirs(path, lock)
    study.set_user_attr("dashboard:note", "a note")
    study._storage.set_study_system_attr(study._study_id, "dashboard:tag", 1)
    assert time.monotonic() - began < module._GRACE / 3
    again = shared(budget=3)
    assert again.optuna.user_attrs["dashboard:note"] == "a note"
    assert work(again) == 1
    optuna.delete_study(study_name="s", storage=study._storage)


def test_writers_of_both_kinds_lose_nothing(home: Path) -> None:
    mine, path = shared(), home / "studies" / "s.log"

    def write(study: optuna.Study, who: str) -> None:
        for i in range(MANY):
            study.set_user_attr(f"{who} {i}", "x" * 20_000)  # more than is written at once

    writers = [(mine.optuna, "a"), (shared().optuna, "b"), (theirs(path), "c"), (theirs(path), "d")]
    threads = [threading.Thread(target=write, args=writer) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = shared().optuna.user_attrs
    assert all(f"{who} {i}" in known for _, who in writers for i in range(MANY))


_HOLD = """
import sys, time
from pathlib import Path
from ferlab.sweep.workers.journal import Journal
from ferlab.sweep.workers.storage import open_storage
Journal(Path(sys.argv[1]))._lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_a_lock_whose_holder_was_killed_is_free_at_once(home: Path) -> None:
    study, path = shared(), home / "studies" / "s.log"
    with started([sys.executable, "-c", _HOLD, str(path)]) as holder:
        holder.until(lambda: "held" in holder.told())
    assert os.path.lexists(f"{path}.lock")
    began = time.monotonic()
    study.optuna.set_user_attr("after", "the kill")
    assert time.monotonic() - began < module._GRACE / 3
    assert not os.path.lexists(f"{path}.lock")


@pytest.mark.parametrize("kind", ["link", "dangling link", "file"])
def test_a_lock_that_others_left_behind_is_broken_in_the_end(
    kind: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.2)
    study, lock = shared(), home / "studies" / "s.log.lock"
    if kind == "file":
        lock.touch()
    else:
        lock.symlink_to(home / "studies" / "s.log" if kind == "link" else "mlruns/studies/s.log")
    study.optuna.set_user_attr("after", "all")
    assert not os.path.lexists(lock)


def test_a_lock_that_others_hold_is_waited_for(home: Path) -> None:
    study, path = shared(), home / "studies" / "s.log"
    held = JournalFileSymlinkLock(str(path))
    held.acquire()
    freed: list[float] = []
    timer = threading.Timer(0.4, lambda: (freed.append(time.monotonic()), held.release()))
    timer.start()
    study.optuna.set_user_attr("after", "them")
    assert freed
    assert time.monotonic() >= freed[0]
    timer.join()


def test_a_disk_without_links_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert work(shared(budget=2)) == 2
    journal = Journal(paths.home() / "studies" / "s.log")
    assert sum(1 for _ in journal.read_logs(0)) > 2


@pytest.mark.parametrize("line", ["no JSON", "{}", "[1]", '{"op_code": 99}', '{"op_code": 4}'])
def test_a_damaged_journal_is_told_by_its_path(line: str, home: Path) -> None:
    work(shared(budget=3), 2)
    path = home / "studies" / "s.log"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(TrackingError) as caught:
        open_storage(None, "s")
    assert str(caught.value).startswith(f"the study's journal {path} is damaged: ")
    assert "\n" not in str(caught.value)
