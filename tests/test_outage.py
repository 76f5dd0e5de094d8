"""What counts as an outage, and how long it is waited for; by a clock of the test's own."""

import errno
import os
import sqlite3

import psycopg
import pytest
import requests
from sqlalchemy.exc import IntegrityError, OperationalError

from ferlab import cli as command_line
from ferlab.errors import ConfigError, InUse, Outage, RunEnded, TrackingError
from ferlab.outage import Patience, is_outage, tell
from ferlab.tracking import store


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def http(status: int) -> requests.HTTPError:
    answer = requests.Response()
    answer.status_code = status
    return requests.HTTPError("no", response=answer)


def refusal(line: str) -> Exception:
    """What PostgreSQL answers to somebody who connects."""
    return OperationalError("", {}, psycopg.OperationalError(f"connection failed: {line}"))


FULL = OSError(errno.ENOSPC, "No space left on device", "/home/me/last.ckpt")
LOCKED = OperationalError("select 1", {}, sqlite3.OperationalError("database is locked"))
NO_TABLE = OperationalError("select 1", {}, sqlite3.OperationalError("no such table: runs"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FULL, True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), True),
        (chained(TrackingError("the store cannot be used"), requests.ReadTimeout()), True),
        (chained(RunEnded("it ended", "id", "outage"), FULL), True),
        (http(503), True),
        (http(404), False),
        (InUse("run x is being trained by another process"), True),
        (LOCKED, True),
        (NO_TABLE, False),
        (refusal('FATAL:  password authentication failed for user "me"'), False),
        (refusal('FATAL:  database "optuna" does not exist'), False),
        (refusal("FATAL:  the database system is starting up"), True),
        (IntegrityError("insert", {}, sqlite3.IntegrityError("unique")), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (ConfigError("wrong"), False),
        (chained(Outage("waited 10 minutes"), FULL), False),
    ],
    ids=repr,
)
def test_an_outage_is_what_time_may_mend(error: Exception, expected: bool) -> None:
    assert is_outage(error) is expected


def test_a_command_that_meets_an_outage_where_nobody_foresaw_it_ends_with_75(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FULL

    monkeypatch.setattr(store, "connect", fail)
    assert command_line.main(["runs"]) == os.EX_TEMPFAIL
    told = "the disk cannot be used: No space left on device (/home/me/last.ckpt)"
    assert capsys.readouterr().err == f"ferlab: {told}\n"


def test_what_is_away_is_told_in_a_line() -> None:
    assert tell(FULL) == ("the disk cannot be used: No space left on device (/home/me/last.ckpt)")
    assert tell(LOCKED) == "the study's storage cannot be used: database is locked"
    assert tell(chained(RunEnded("x", "id", "outage"), TrackingError("the store"))) == "the store"


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def patient(seconds: float) -> tuple[Patience, Clock, list[str]]:
    clock, said = Clock(), list[str]()
    return Patience(seconds, said.append, lambda: clock.now, clock.sleep), clock, said


def test_it_is_said_once_and_waited_for_with_growing_pauses_until_patience_ends() -> None:
    patience, clock, said = patient(600)

    def away() -> None:
        raise FULL

    with pytest.raises(Outage, match=r"^waited 10 minutes, and still the disk cannot be used: No"):
        patience.call(away)
    assert clock.pauses[:8] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert clock.now == 600
    assert said == [
        "waits    the disk cannot be used: No space left on device (/home/me/last.ckpt)"
    ]
    with pytest.raises(Outage):
        patience.call(away)
    assert clock.now == 600  # what was waited for is not waited for again


def test_only_a_step_that_is_new_begins_another_wait() -> None:
    patience, clock, said = patient(10)
    patience.progress("epoch 1")
    patience.wait(FULL)
    clock.now += 8
    patience.progress("epoch 1")  # told again, of what was kept
    with pytest.raises(Outage):
        for _ in range(3):
            patience.wait(FULL)
    patience.progress("epoch 2")
    patience.wait(FULL)
    assert [line[:8] for line in said] == ["waits   ", "goes on ", "waits   "]
    assert clock.pauses[-1] == 0.5


def test_without_patience_and_without_an_outage_nothing_is_waited_for() -> None:
    patience, clock, said = patient(0)
    with pytest.raises(Outage, match=r"^the disk cannot be used: No space left"):
        patience.wait(FULL)
    with pytest.raises(ConfigError, match="wrong"):
        patient(600)[0].wait(ConfigError("wrong"))
    assert (clock.pauses, said) == ([], [])


def test_who_gives_up_says_how_to_go_on() -> None:
    patience = Patience.of_command("go on with: ferlab confirm s", seconds=0)
    with pytest.raises(
        Outage, match=r"^the disk .* \(/home/me/last.ckpt\); go on with: ferlab conf"
    ):
        patience.wait(FULL)
