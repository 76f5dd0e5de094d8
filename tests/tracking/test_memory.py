"""The memory of a run: its own peak, and not that of what its process did before."""

from pathlib import Path

import numpy as np
import psutil
import pytest

from ferlab.config.compose import compose
from ferlab.tracking import memory, store
from ferlab.tracking.memory import PeakMemory
from ferlab.training.run import train
from tests.conftest import TINY

MB = 2**20
LARGE = 300 * MB


def hold(size: int) -> None:
    """Hold so many bytes, each page of them touched, and free them."""
    np.ones(size, np.uint8)


def held() -> int:
    return psutil.Process().memory_info().rss


@pytest.fixture(params=["kernel", "looked at"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what Linux has, and without."""
    if request.param != "kernel":
        monkeypatch.setattr(memory, "_RESET", Path("/nowhere/clear_refs"))


@pytest.mark.usefixtures("way")
def test_the_peak_is_of_the_block_and_in_bytes() -> None:
    hold(LARGE)
    before = held()
    with PeakMemory() as first:
        assert 0.9 * before < first.bytes < before + LARGE / 2
    with PeakMemory() as second:
        large = np.ones(LARGE, np.uint8)
        del large
        hold(LARGE)
        assert before + 0.9 * LARGE < _when(second, before + 0.9 * LARGE)
    assert second.bytes < before + 2 * LARGE


def _when(peak: PeakMemory, least: float) -> int:
    """Once a look may have been due."""
    for _ in range(100):
        if peak.bytes >= least:
            break
        hold(LARGE)
    return peak.bytes


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_run_does_not_inherit_what_was_freed_before_it() -> None:
    before = held()
    hold(2 * LARGE)
    run_id = train(compose([*TINY, "trainer.max_epochs=1"])).run_id
    found = store.connect(None).get_run(run_id).data.metrics["peak_memory_bytes"]
    assert 0.5 * before < found < before + 2 * LARGE
