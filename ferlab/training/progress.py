"""What one sees of a run while it trains: a bar on a terminal, a line per epoch elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm


class Progress:
    """Progress over the whole run, in images.

    Args:
        epochs: of the whole run.
        images: per epoch.
        done: epochs finished before.
        monitor: the metric to show.
    """

    def __init__(self, epochs: int, images: int, done: int, monitor: str) -> None:
        self._epochs = epochs
        self._monitor = monitor
        self._started = time.monotonic()
        self._done = done
        self._first = done
        terminal = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        if terminal:
            self._bar = tqdm(
                total=epochs * images,
                initial=done * images,
                unit=" images",
                unit_scale=True,
                dynamic_ncols=True,
                smoothing=0.05,
                desc=f"epoch {done + 1}/{epochs}",
            )

    def batch(self, images: int) -> None:
        """So many images more are trained."""
        if self._bar is not None:
            self._bar.update(images)

    def epoch(self, metrics: Mapping[str, float], best: bool) -> None:
        """An epoch is over."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_description(f"epoch {min(self._done + 1, self._epochs)}/{self._epochs}")
            self._bar.set_postfix_str(f"{self._monitor} {metrics[self._monitor]:.4f}")
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
        """Leave the terminal tidy."""
        if self._bar is not None:
            self._bar.close()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
