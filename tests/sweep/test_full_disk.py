"""A disk that is full in truth, whichever write it is that finds it so."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ferlab.tracking import store
from tests import warm
from tests.sweep.test_outage import arguments, statuses

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own in a folder; the test is skipped where none may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Leave no byte on the disk of a file."""
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def test_a_full_disk_fails_no_trial_and_leaves_nothing_half_written(
    home: Path, tmp_path: Path
) -> None:
    """The store, the study, checkpoints and artifacts are all on it."""
    ballast = home / "ballast"
    with small_disk(home, megabytes=64):
        command = arguments("small", f"sqlite:///{home}/mlflow.db")
        with warm.started(command, tmp_path) as sweep:
            for outage in (1, 2):
                sweep.until(lambda: list(home.glob("work/*/last.ckpt")))
                fill(ballast)
                sweep.until(lambda: sweep.told().count("waits    ") == outage)  # noqa: B023
                ballast.unlink()
                sweep.until(lambda: sweep.told().count("goes on  after") == outage)  # noqa: B023
            assert sweep.finish() == 0, sweep.told()
            told = sweep.told()
        assert "2 of 2 trials count (2 complete, 0 pruned); 0 failed, 0 retried" in told
        assert statuses(store.connect(None), "small") == {"FINISHED": 3}
        assert list((home / "work").iterdir()) == []
