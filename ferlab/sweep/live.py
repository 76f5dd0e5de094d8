"""What one sees of a sweep while it runs: a table on a terminal that is kept up to date."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table as Grid
from rich.text import Text

from ferlab import secrets
from ferlab.study.objectives import format_value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import printable, unguarded

_EVERY = 2.0
"""Seconds between two looks."""

_IDLE = 20
"""Times as long as a look takes nothing is done, however many trials there are."""

_LAST = 5
"""Trials that ended last and are shown."""

_OTHER_LINES = 10
"""Lines beside those of running and ended trials, on a wide terminal."""

_STYLES = {"complete": "green", "pruned": "dim", "failed": "red", "running": ""}


@contextmanager
def show(look: Callable[[], StudyTable]) -> Iterator[None]:
    """Show a study on the terminal while the block runs; elsewhere do nothing.

    Args:
        look: gives the study as it stands; called every two seconds, or seldom enough to cost
            a twentieth of one core, from another thread.
    """
    if not is_possible():
        yield
        return
    # This one, even where a run's progress is kept off it.
    console = Console(file=unguarded(sys.stderr))
    started, over = time.time(), threading.Event()

    last: RenderableType = Text("")

    def view() -> RenderableType:
        nonlocal last
        try:
            last = render_study(look(), time.time(), started, console.height)
        except Exception as error:  # the sweep goes on, whatever keeps it from being shown
            line = (str(error) or type(error).__name__).splitlines()[0]
            return Group(
                last, Text(printable(f"the study cannot be looked at: {secrets.hide(line)}"), "red")
            )
        return last

    def keep_up() -> None:
        took = 0.0
        while not over.wait(max(_EVERY, _IDLE * took)):
            begun = time.thread_time()
            found = view()
            took = time.thread_time() - begun
            if not over.is_set():
                live.update(found, refresh=True)

    printed = sys.stdout.isatty()  # what goes to a file stays out of the terminal
    with Live(view(), console=console, auto_refresh=False, redirect_stdout=printed) as live:
        thread = threading.Thread(target=keep_up, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(_EVERY)
        if not thread.is_alive():
            live.update(view(), refresh=True)


def is_possible() -> bool:
    """Whether there is a terminal that can show it."""
    return sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal


def render_study(table: StudyTable, now: float, started: float, height: int) -> RenderableType:
    """A study as it is shown.

    Args:
        table: the study.
        now: seconds since 1970.
        started: when the command was started, in seconds since 1970.
        height: lines that there are.
    """
    running = table.of("running")
    room = max(1, height - _OTHER_LINES - _LAST)
    ended = sorted((row for row in table.rows if row.ended), key=lambda row: -(row.ended or 0))
    parts: list[RenderableType] = [_head(table), _counts(table), _times(table, now, started)]
    parts += [_line(line, "yellow") for line in table.away]
    best = table.best
    if best is not None:
        value = format_value(table.objectives[0], value_of(best))
        told = f"best {table.objectives[0]} {value}  trial {best.number}  {table.label(best)}"
        parts.append(_line(told, "bold"))
    if running:
        parts += [Text(""), _grid(table, [_running(table, row) for row in running[:room]])]
        if len(running) > room:
            parts.append(_line(f"and {len(running) - room} more running", "dim"))
    if ended:
        parts += [Text(""), _grid(table, [_ended(table, row) for row in ended[:_LAST]])]
    return Group(*parts)


def left(table: StudyTable, now: float) -> float | None:
    """Seconds until the budget is spent, if trials go on to take as long on average.

    Returns:
        None where no trial has ended or none is running.
    """
    running = table.of("running")
    took = [row.ended - row.started for row in table.rows if row.ended is not None]
    if not took or not running:
        return None
    mean = sum(took) / len(took)
    missing = max(len(running), table.budget - _done(table))
    spent = sum(min(mean, max(0.0, now - row.started)) for row in running)
    return (missing * mean - spent) / len(running)


def _head(table: StudyTable) -> RenderableType:
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
    grid.add_column(ratio=3)
    grid.add_column(no_wrap=True, justify="right")
    bar = ProgressBar(total=table.budget, completed=_done(table))
    grid.add_row(
        Text(printable(table.study), "bold"), bar, Text(f"{_done(table):,} of {table.budget:,}")
    )
    return grid


def _counts(table: StudyTable) -> Text:
    counts = {s: len(table.of(s)) for s in ("complete", "running", "pruned", "failed")}
    parts = [(f"{n:,} {state}", _STYLES[state] if n else "") for state, n in counts.items()]
    if table.outside:
        parts.append((f"{len(table.outside):,} from elsewhere", "dim"))
    return Text(", ").join(Text(*part) for part in parts)


def _times(table: StudyTable, now: float, started: float) -> Text:
    text = f"{timedelta(seconds=round(now - started))} gone"
    rest = left(table, now)
    if rest is not None:
        text += f", about {timedelta(seconds=round(rest))} left"
    return Text(text)


def _running(table: StudyTable, row: TrialRow) -> tuple[TrialRow, str, str]:
    """The trial, how far it is, and its score so far."""
    last = max(row.epochs, default=0)
    step = f"epoch {last}/{table.epochs}"
    value = row.epochs.get(last)
    if row.replicates:
        step = f"seed {len(row.replicates) + 1}/{table.replicates}"
        value = sum(row.replicates) / len(row.replicates)
    return row, step, "" if value is None else format_value(table.objectives[0], value)


def _ended(table: StudyTable, row: TrialRow) -> tuple[TrialRow, str, str]:
    """The trial, how it ended, and its score."""
    value = value_of(row) if row.values else row.epochs.get(max(row.epochs, default=0))
    return row, row.state, "" if value is None else format_value(table.objectives[0], value)


def _grid(table: StudyTable, lines: list[tuple[TrialRow, str, str]]) -> Grid:
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for row, step, value in lines:
        style = _STYLES[row.state]
        name = f"{row.name}: {row.why}" if row.state == "failed" else table.label(row)
        cells = (f"{row.number}", name, step, value)
        grid.add_row(*(Text(printable(cell), style) for cell in cells))
    return grid


def _line(text: str, style: str) -> Text:
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")


def _done(table: StudyTable) -> int:
    return len(table.of("complete")) + len(table.of("pruned"))
