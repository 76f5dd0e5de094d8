"""Peak memory of a run, whatever its process held before."""

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_INTERVAL = 0.05
"""Seconds between two samples, where the kernel keeps no peak that can be reset."""


class PeakMemory:
    """Peak resident set size of this process while a block runs.

    Memory held at the beginning, such as libraries and images, counts; memory freed before does
    not. On Linux it is the kernel's own peak, which is reset (``clear_refs`` in proc(5));
    elsewhere, or where that is forbidden, the largest of a thread's samples, one every 50 ms.
    """

    def __init__(self) -> None:
        self._peak = 0
        self._ended = threading.Event()
        self._sampler: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not _reset():
            self._sampler = threading.Thread(target=self._sample, daemon=True)
            self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._sampler is not None:
            self._sampler.join()

    @property
    def bytes(self) -> int:
        """Peak resident set size so far, in bytes."""
        now = psutil.Process().memory_info().rss if self._sampler is not None else _kernel_peak()
        return max(now, self._peak)

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            self._peak = max(self._peak, process.memory_info().rss)
            if self._ended.wait(_INTERVAL):
                return


def _reset() -> bool:
    """Reset the kernel's peak; return whether the kernel can."""
    try:
        _RESET.write_text("5")
        _kernel_peak()
    except (OSError, ValueError):
        return False
    return True


def _kernel_peak() -> int:
    """The kernel's peak resident set size of this process, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.M)
    if found is None:
        raise ValueError("the kernel keeps no peak")
    return int(found[1]) * 1024
