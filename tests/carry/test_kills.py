"""SIGKILL before a write of an import: nothing of it counts, and the next one is whole."""

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ferlab import cli as command_line
from ferlab.errors import TrackingError
from ferlab.sweep import studies
from ferlab.tracking import find, store
from ferlab.tracking.carried.restore import IMPORTING
from tests import warm
from tests.carry.made import PLAIN, RUN, made
from tests.processes import called
from tests.sweep import writes
from tests.sweep.test_sweep import trials

pytestmark = pytest.mark.slow

SHARES = [i / 40 for i in range(41)] if os.environ.get("FERLAB_SOAK") else (0.5, 0.97)
"""How far it comes, of its writes: runs and no study; and all but its end."""


def _run(bundle: Path, last: int | None, log: Path | None = None) -> tuple[int, str]:
    folder = bundle.parent
    outputs = folder / "stdout", folder / "stderr"
    for path in outputs:
        path.touch()
    arguments = (["import", str(bundle)], folder, {}, outputs, log, last)
    with called(warm.SERVER, writes.run, *arguments, outputs=outputs) as command:
        return command.finish(), command.told()


def _left(home: Path) -> dict[str, Any]:
    client = store.connect(None)
    runs = list(store.runs_with(client, {}))
    assert not any(IMPORTING in run.data.tags for run in runs)
    assert not any((home / "work").glob("*/*"))
    return {
        "runs": Counter(run.info.status for run in runs),
        "tags": [sorted(run.data.tags) for run in runs],
        "trials": [(trial.state, trial.values) for trial in trials(home, "made")],
        "artifacts": [path.name for path in (home / "artifacts").rglob("*") if path.is_file()],
    }


def test_an_import_killed_before_a_write_counts_as_nothing(
    empty_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def change(plain: Any) -> None:
        identity = PLAIN["study"]["user_attrs"]["identity"]
        tags = {"ferlab.study": "made", "ferlab.study.id": identity, "ferlab.kind": "study"}
        plain["run"]["tags"] = {**tags, "ferlab.best_run": RUN}

    def another() -> Path:
        """An empty home; one that was there before has its store open in this process."""
        home = Path(tempfile.mkdtemp(dir=tmp_path))
        shutil.copy(empty_store, home / "mlflow.db")
        monkeypatch.setenv("FERLAB_HOME", str(home))
        return home

    bundle, home = made(tmp_path / "study.zip", change), another()
    code, told = _run(bundle, None, tmp_path / "writes")
    assert code == 0, told
    whole, lines = _left(home), (tmp_path / "writes").read_text().splitlines()
    for number in sorted({round(share * (len(lines) - 1)) for share in SHARES}):
        home = another()
        killed, _ = _run(bundle, number)
        assert killed == -9, number
        is_over = studies.is_begun("made", None)  # it was killed at its very end
        if not is_over:
            with pytest.raises(TrackingError):
                studies.view(studies.open_study("made", None))
        code, told = _run(bundle, None)
        assert (code, is_over) in ((0, False), (1, True)), (number, told)
        assert _left(home) == whole, number

    another()
    before_study = next(i for i, line in enumerate(lines) if line.endswith("made.log"))
    assert _run(bundle, before_study)[0] == -9
    assert find.list_studies(store.connect(None)) == []
    assert command_line.main(["clean"]) == 0
    assert "of an import of 'made' that did not end" in capsys.readouterr().out
    assert list(store.runs_with(store.connect(None), {})) == []
