"""How much memory a run takes, whatever its process held before."""

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_EVERY = 0.05
"""Seconds between two looks, where the kernel keeps no peak that can be reset."""


class PeakMemory:
    """The most memory that this process holds while a block runs: its peak resident set.

    What it holds already at the beginning, such as libraries and images, counts; what was freed
    before does not. On Linux it is the kernel's own peak, which is reset (``clear_refs`` in
    proc(5)); elsewhere, or where that is forbidden, the largest of what a thread sees every 50 ms.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._ended = threading.Event()
        self._looker: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not _reset():
            self._looker = threading.Thread(target=self._look, daemon=True)
            self._looker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._looker is not None:
            self._looker.join()

    @property
    def bytes(self) -> int:
        """So far."""
        now = psutil.Process().memory_info().rss if self._looker is not None else _kernels()
        return max(now, self._seen)

    def _look(self) -> None:
        process = psutil.Process()
        while True:
            self._seen = max(self._seen, process.memory_info().rss)
            if self._ended.wait(_EVERY):
                return


def _reset() -> bool:
    """Let the kernel begin a new peak; whether it can."""
    try:
        _RESET.write_text("5")
        _kernels()
    except (OSError, ValueError):
        return False
    return True


def _kernels() -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.M)
    if found is None:
        raise ValueError("the kernel keeps no peak")
    return int(found[1]) * 1024
