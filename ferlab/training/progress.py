"""Progress of a training run: a bar on a terminal, a line per epoch elsewhere."""

import sys
import time
from collections.abc import Mapping

from rich import progress
from rich.console import Console
from rich.text import Text

_TASK = progress.TaskID(0)
"""Id of the only task of the bar."""


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
        self._monitor = monitor
        self._started = time.monotonic()
        self._done = done
        self._first = done
        self._bar: progress.Progress | None = None
        console = Console(file=sys.stderr)
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
        if self._bar is not None:
            self._bar.advance(_TASK, images)

    def epoch(self, metrics: Mapping[str, float], best: bool) -> None:
        """Show the metrics of a finished epoch."""
        self._done += 1
        if self._bar is not None:
            score = f"{self._monitor} {metrics[self._monitor]:.4f}"
            self._bar.update(_TASK, description=self._description(), score=score)
            return
        each = (time.monotonic() - self._started) / (self._done - self._first)
        left = _duration(each * (self._epochs - self._done))
        shown = "  ".join(
            f"{key} {metrics[key]:.4f}"
            for key in ("train/loss", "val/loss", "val/accuracy", "val/f1")
        )
        speed = f"{metrics['images_per_second']:.0f} images/s"
        mark = "  best" if best else ""
        sys.stderr.write(
            f"epoch {self._done}/{self._epochs}  {shown}  {speed}  {left} left{mark}\n"
        )
        sys.stderr.flush()

    def close(self) -> None:
        """Close the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()

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
