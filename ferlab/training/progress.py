"""Progress of a training run: a line per epoch, and on a terminal a bar below them."""

import sys
import time
from collections.abc import Mapping

from rich import progress
from rich.console import Console
from rich.text import Text

from ferlab.text import unguarded

_TASK = progress.TaskID(0)
"""Id of the only task of the bar."""

_SCORES = ("val/loss", "val/accuracy", "val/f1")

_SILENT = 60.0
"""Seconds without a line after which one says, off a terminal, how far a long epoch is."""


class Progress:
    """Progress over the whole run, in images.

    Args:
        epochs: number of epochs of the whole run.
        images: number of images per epoch.
        done: number of epochs finished before.
        monitor: the metric to show.
    """

    def __init__(self, epochs: int, images: int, done: int, monitor: str) -> None:
        self._epochs = epochs
        self._images = images
        self._monitor = monitor
        self._started = self._said = time.monotonic()
        self._trained = 0
        self._done = done
        self._first = done
        self._bar: progress.Progress | None = None
        console = Console(file=unguarded(sys.stderr))
        if sys.stderr.isatty() and not console.is_dumb_terminal:
            self._bar = progress.Progress(
                "{task.description}",
                progress.BarColumn(bar_width=None),
                progress.TaskProgressColumn(),
                _Speed(),
                progress.TimeRemainingColumn(compact=True),
                "{task.fields[score]}",
                console=console,
                expand=True,
                redirect_stdout=sys.stdout.isatty(),  # what goes to a file stays out of it
            )
            first, total = done * images, epochs * images
            self._bar.add_task(self._description(), total=total, completed=first, score="")
            self._bar.start()

    def batch(self, images: int) -> None:
        """Advance by a number of trained images."""
        self._trained += images
        if self._bar is not None:
            self._bar.advance(_TASK, images)
        elif time.monotonic() - self._said > _SILENT:
            self._say(f"{self._description()}  {self._trained:,} of {self._images:,} images")

    def epoch(self, metrics: Mapping[str, float], best: bool) -> None:
        """Show the metrics of a finished epoch."""
        line, mark = self._description(), "  best" if best else ""
        self._done, self._trained = self._done + 1, 0
        if self._bar is not None:  # images that were skipped have not advanced it
            self._bar.update(_TASK, completed=self._done * self._images)
        shown = {key: f"{key} {metrics[key]:.4f}" for key in ("train/loss", *_SCORES)}
        if self._bar is not None:
            # What the bar says of speed and time is not said twice: this fits 80 columns.
            told = "  ".join([line, *(shown[key] for key in _SCORES)])
            self._bar.console.print(told + mark, highlight=False, soft_wrap=True)
            score = f"{self._monitor} {metrics[self._monitor]:.4f}"
            self._bar.update(_TASK, description=self._description(), score=score)
            return
        each = (time.monotonic() - self._started) / (self._done - self._first)
        left = f"{_duration(each * (self._epochs - self._done))} left"
        speed = f"{metrics['images_per_second']:.0f} images/s"
        self._say("  ".join([line, *shown.values(), speed, left]) + mark)

    def close(self) -> None:
        """Close the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def _description(self) -> str:
        return f"epoch {min(self._done + 1, self._epochs)}/{self._epochs}"


class _Speed(progress.ProgressColumn):
    """Images per second, over the last half minute."""

    def render(self, task: progress.Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} images/s")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
