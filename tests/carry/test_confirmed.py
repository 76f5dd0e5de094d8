"""A study that was confirmed says on another machine what it said, and has its looks counted."""

import shutil
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.confirm import evidence
from ferlab.confirm.choice import begun
from ferlab.tracking import store
from ferlab.tracking.pages.views import kept_views
from tests.confirmed_study import Lab, lab, there

__all__ = ["lab", "there"]

pytestmark = pytest.mark.slow


def test_a_confirmation_goes_along_whole(
    there: Lab,
    tmp_path: Path,
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "oracles.zip"
    assert command_line.main(["export", "oracles", str(bundle)]) == 0
    runs = len(there.evidence.entries)
    assert "oracles and oracles-confirm, " in capsys.readouterr().out
    far = tmp_path / "far"
    far.mkdir()
    shutil.copy(empty_store, far / "mlflow.db")
    monkeypatch.setenv("FERLAB_HOME", str(far))
    assert command_line.main(["import", str(bundle)]) == 0

    choice = begun("oracles", None)
    assert choice is not None
    client = store.connect(None)
    found = evidence.gather(client, choice, evidence.looks_taken(client, choice, None), None)
    assert len(found.entries) == runs
    before = {entry.run_id for entry in there.evidence.entries}
    assert not before & {entry.run_id for entry in found.entries}
    for arm in (one.arm for one in there.evidence.comparisons):
        assert found.words(arm) == there.evidence.words(arm)
    confirmation = next(store.runs_with(client, {"ferlab.confirms": "oracles"}, at_a_time=1))
    parent = confirmation.data.tags.get("mlflow.parentRunId", confirmation.info.run_id)
    views = [name for name, _ in kept_views(client, parent).values()]
    assert views == ["oracles-confirm, pairs by seed", "oracles-confirm, means"]
    capsys.readouterr()
    assert command_line.main(["report", "oracles", "--to", str(tmp_path / "report")]) == 0
    assert "verdict" in capsys.readouterr().out
