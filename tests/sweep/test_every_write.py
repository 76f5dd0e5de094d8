"""SIGKILL before a write, whichever it is: the same command comes to what it would have come to."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ferlab.paths import home as home_of
from ferlab.tracking import store
from tests import warm
from tests.processes import called
from tests.sweep import writes
from tests.sweep.test_sweep import FAST, HERE, children, runs, trials

pytestmark = pytest.mark.slow

IS_SOAK = bool(os.environ.get("FERLAB_SOAK"))
"""Whether every write has its turn, for an hour or so; else two have."""

PARTS = 64 if IS_SOAK else 1

COMMAND = [
    *("train", "-m", *FAST, "trainer.max_epochs=1", "study.name=w", HERE),
    *("study.baseline={optimizer.lr: 0.1}", "optimizer.lr=0.05,0.1"),
]
TRIALS = 2


@dataclass(frozen=True)
class Sound:
    """What a sweep that nothing disturbs leaves.

    Attributes:
        empty: a home with a store and nothing else.
        writes: what it wrote, in order.
        left: see `_left`.
    """

    empty: Path
    writes: list[str]
    left: dict[str, Any]


@pytest.fixture(scope="module")
def sound(
    empty_store: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sound]:
    folder = tmp_path_factory.mktemp("sound")
    (empty := folder / "empty").mkdir()
    shutil.copy(empty_store, empty / "mlflow.db")
    shutil.copytree(empty, home := folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERLAB_HOME", str(home))
        patch.setenv("FERLAB_CACHE", str(cache))
        code, told = _run(folder, None, folder / "writes")
        assert code == 0, told
        yield Sound(empty, (folder / "writes").read_text().splitlines(), _left())


@pytest.mark.parametrize("part", range(PARTS))
def test_a_sweep_killed_before_a_write_goes_on(
    part: int,
    sound: Sound,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    numbers = list(range(part, len(sound.writes), PARTS))
    if not IS_SOAK:  # where it once went wrong: a model and no end, a run and no epoch
        numbers = [numbers[round(share * len(numbers))] for share in (0.6, 0.94)]
    for number in numbers:
        home = tmp_path / f"home-{number}"  # under another path: this process opens each store
        shutil.copytree(sound.empty, home)
        monkeypatch.setenv("FERLAB_HOME", str(home))
        where = f"killed before write {number}, {sound.writes[number]}"
        killed, _ = _run(tmp_path, number)
        assert killed == -9, where
        code, told = _run(tmp_path, None)
        assert code == 0, f"{where}: {told}"
        assert _left() == sound.left, where
        shutil.rmtree(home)
    record_property("counted", {"kills at a write": len(numbers)})


def _run(folder: Path, last: int | None, log: Path | None = None) -> tuple[int, str]:
    outputs = folder / "stdout", folder / "stderr"
    for path in outputs:
        path.touch()
    arguments = (list(COMMAND), folder, {}, outputs, log, last)
    with called(warm.SERVER, writes.run, *arguments, outputs=outputs) as command:
        return command.finish(), command.told()


def _left() -> dict[str, Any]:
    """All that a sweep leaves, without the ids."""
    client, home = store.connect(None), home_of()
    done = children("w")
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    return {
        "trials": Counter(
            t.state.name for t in trials(home, "w") if "withdrawn" not in t.user_attrs
        ),
        "runs": Counter((run.info.status, len(run.data.params)) for run in runs()),
        "bits": {
            r.data.params["optimizer.lr"]: r.data.tags["ferlab.predictions.digest"] for r in done
        },
        "studies": [sorted(run.data.tags) for run in runs(study="w", kind="study")],
        "files": Counter(re.sub(r"[0-9a-f]{32}", "ID", str(path)) for path in files),
        "experiments": [e.name for e in client.search_experiments()],
    }
