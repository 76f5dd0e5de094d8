"""The live table, looked at on a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import textwrap

import pytest
from rich.console import Console

from ferlab.study.table import StudyTable
from ferlab.sweep import live
from tests.fake_studies import row, study, table
from tests.processes import run, started

PRELUDE = """
import sys, time
from tests.fake_studies import row, study, table
from ferlab.sweep import live
live._EVERY = 0.05
"""


@pytest.fixture(autouse=True)
def _as_a_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


class Screen:
    """What a terminal shows; knows the few control sequences that are to be expected."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines = [""]
        self.row = self.column = 0
        self.wrapped = False
        self.cursor = True

    def feed(self, text: str) -> None:
        for piece in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|[\s\S]", text):
            if piece.startswith("\x1b["):
                self._control(piece[2:-1], piece[-1])
            elif piece == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif piece == "\r":
                self.column = 0
            else:
                self._put(piece)

    def _control(self, argument: str, kind: str) -> None:
        if kind == "A":
            self.row -= int(argument or 1)
            assert self.row >= 0
        elif kind == "K":
            assert argument == "2"
            self.lines[self.row] = ""
        elif kind in "hl":
            assert argument == "?25"
            self.cursor = kind == "h"
        else:
            assert kind == "m", (argument, kind)

    def _put(self, character: str) -> None:
        assert character >= " ", repr(character)
        if self.column == self.width:
            self.wrapped = True
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1


def on_terminal(
    code: str, width: int = 80, height: int = 24, **environment: str
) -> tuple[Screen, str, int]:
    """Run a piece of Python on a terminal; the screen at its end, its bytes, its exit code."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    read = bytearray()

    def is_read_to_its_end() -> bool:
        while select.select([leader], [], [], 0)[0]:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # the other end is closed
                return True
            if not chunk:
                return True
            read.extend(chunk)
        return False

    try:
        with started(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={"TERM": "xterm-256color", **environment},
        ) as process:
            os.close(follower)
            process.until(is_read_to_its_end)
            code_of_end = process.finish()
    finally:
        os.close(leader)
    text = read.decode()
    screen = Screen(width)
    screen.feed(text)
    return screen, text, code_of_end


def rendered(of: StudyTable, width: int = 80, height: int = 24, now: float = 1.7e9) -> str:
    console = Console(width=width, height=height, file=open(os.devnull, "w"), record=True)  # noqa: PTH123, SIM115
    console.print(live.render_study(of, now, 1.7e9, height))
    console.file.close()
    return console.export_text()


@pytest.mark.parametrize("width", [80, 40])
def test_the_table_is_kept_up_to_date_in_its_place(width: int) -> None:
    screen, text, code = on_terminal(
        """
        looks = iter([study(5), study(12), study(24)])
        last = study(24)
        with live.show(lambda: next(looks, last)):
            time.sleep(0.5)
        print("after")
        """,
        width,
    )
    assert code == 0
    assert screen.cursor
    assert not screen.wrapped
    shown = "\n".join(screen.lines)
    assert shown.count("se_placement") == 1
    assert "22 of 30" in shown
    assert f"{len(study(5).complete)} of 11" in text  # the first look
    assert "of 11" not in shown
    assert re.search(r"^23 \S.* epoch 4/10 54.70 %", shown, re.MULTILINE)
    assert screen.lines[-2:] == ["after", ""]
    assert screen.lines[0].startswith("se_placement")


def test_an_exception_leaves_the_terminal_tidy() -> None:
    screen, _, code = on_terminal(
        """
        with live.show(lambda: study(24)):
            time.sleep(0.2)
            raise KeyboardInterrupt
        """,
        40,
    )
    assert code != 0
    assert screen.cursor
    shown = "\n".join(screen.lines)
    assert shown.count("se_placement") == 1
    assert "KeyboardInterrupt" in shown.split("57.28 %")[1]  # below the table
    assert "57.28 %\nTraceback" in shown


def test_what_is_printed_meanwhile_stands_above_the_table() -> None:
    screen, _, _ = on_terminal(
        """
        with live.show(lambda: study(24)):
            print("one line")
            sys.stderr.write("another\\n")
            time.sleep(0.2)
        """
    )
    assert screen.lines[:2] == ["one line", "another"]
    assert screen.lines[2].startswith("se_placement")


def test_a_study_that_takes_long_to_look_at_is_looked_at_seldom() -> None:
    _, text, _ = on_terminal(
        """
        looks = []
        def look():
            looks.append(1)
            until = time.thread_time() + 0.1
            while time.thread_time() < until:
                pass
            return study(24)
        with live.show(look):
            time.sleep(1.5)
        sys.stderr.write(f"{len(looks)} looks")
        """
    )
    told = re.search(r"(\d+) looks", text)
    assert told is not None
    assert int(told[1]) <= 3


def test_what_cannot_be_read_is_said_and_read_again() -> None:
    screen, text, code = on_terminal(
        """
        looks = iter([study(24)])
        def look():
            found = next(looks, None)
            if found is None:
                raise OSError("the disk is gone\\nsecond line")
            return found
        with live.show(look):
            time.sleep(0.3)
        """
    )
    assert code == 0
    assert "22 of 30" in text
    assert screen.lines[0].startswith("se_placement")  # as it was last seen
    assert screen.lines[-2:] == ["the study cannot be looked at: the disk is gone", ""]


@pytest.mark.parametrize("kind", ["dumb terminal", "pipe"])
def test_elsewhere_nothing_is_shown_and_nobody_looks(kind: str) -> None:
    code = """
    def look():
        raise SystemExit("looked")
    with live.show(look):
        time.sleep(0.2)
    sys.stderr.write("done\\n")
    """
    if kind == "dumb terminal":
        _, text, _ = on_terminal(code, TERM="dumb")
        assert text == "done\r\n"
        return
    done = run([sys.executable, "-c", PRELUDE + textwrap.dedent(code)])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "done\n")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("trials", [0, 1, 6, 24, 200])
def test_no_line_is_too_long(width: int, trials: int) -> None:
    long = row(900, 0.5, name="x" * 300)
    odd = row(901, state="failed", name="[red]bold[/] [1,2]", why="no\nmemory", ended=1.8e9)
    for made in (study(trials), table(*study(trials, 3).rows, long, odd, study="y" * 90)):
        assert max(map(len, rendered(made, width).splitlines())) <= width


def test_names_are_shown_as_they_are() -> None:
    assert "[red]se[/] @[1,2]" in rendered(table(row(0, name="[red]se[/] @[1,2]")))


def test_many_workers_leave_room_for_the_rest() -> None:
    many = table(*(row(i, epochs={1: 0.2}) for i in range(64)), row(64, 0.5))
    written = rendered(many, height=24)
    assert len(written.splitlines()) <= 24
    assert "and 55 more running" in written
    assert "50.00 %" in written


def test_seeds_are_counted_where_there_are_several() -> None:
    written = rendered(table(row(0, replicates=(0.5, 0.6)), row(1, epochs={3: 0.4}), replicates=3))
    assert re.search(r"0 trial 0 .*seed 3/3 +55.00 %", written)
    assert re.search(r"1 trial 1 .*epoch 3/10 40.00 %", written)


def test_a_failed_trial_says_why() -> None:
    failed = row(0, state="failed", why="out of memory", ended=1.7e9)
    assert "trial 0: out of memory" in rendered(table(failed))


def test_time_left_follows_from_mean_workers_and_budget() -> None:
    ended = [row(i, 0.5, started=0.0, ended=100.0 + 20 * i) for i in range(2)]  # 110 s on average
    running = [row(2, started=200.0), row(3, started=250.0)]
    made = table(*ended, *running, budget=10)
    assert live.left(made, now=260.0) == pytest.approx((8 * 110 - 60 - 10) / 2)
    assert live.left(made, now=1e6) == pytest.approx((8 * 110 - 2 * 110) / 2)
    assert live.left(table(*ended, budget=10), now=0.0) is None
    assert live.left(table(*running, budget=10), now=0.0) is None
    written = rendered(table(*ended, *running, budget=10), now=1.7e9 + 3725)
    assert "1:02:05 gone, about 0:05:30 left" in written


def test_pruned_trials_use_up_the_budget_and_failed_ones_do_not() -> None:
    states = ("complete", "pruned", "failed", "failed")
    made = table(*(row(i, 0.5, state=state) for i, state in enumerate(states)), budget=7)
    written = rendered(made)
    assert "2 of 7" in written
    assert "1 complete, 0 running, 1 pruned, 2 failed" in written


def test_the_baseline_is_marked_and_no_failure_is_not_red() -> None:
    base = {"model.attention.kind": "none"}
    ended = table(row(0, 0.5, params=base), row(1, 0.6), baseline=base, budget=5)
    written = rendered(ended)
    assert "trial 0 (baseline)" in written
    assert "trial 1 (baseline)" not in written
    assert "best val/accuracy 60.00 %  trial 1" in written
    counts = {
        text.plain[s.start : s.end]: s.style for text in [live._counts(ended)] for s in text.spans
    }
    assert counts.get("0 failed", "") == ""
    assert counts["2 complete"] == "green"


def test_what_is_waited_for_is_shown() -> None:
    waits = "waits    the tracking store http://host:5000 cannot be used"
    assert waits in rendered(table(row(0), away=(waits,)))
