"""Runs deleted, and an experiment renamed, in the MLflow UI: told, survived, and one answer."""

import re
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.confirm.choice import choose
from ferlab.errors import EvidenceError
from ferlab.study.deleted import tell_deleted
from ferlab.tracking import find, store
from tests.fake_studies import row, table
from tests.sweep.test_sweep import HERE, children, cli_report, runs, sweep, trials

Out = pytest.CaptureFixture[str]


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_study_survives_what_is_deleted_and_renamed(
    home: Path, tmp_path: Path, capsys: Out, caplog: pytest.LogCaptureFixture
) -> None:
    space = (HERE, "study.name=del", "seed=range(0,7)", "study.baseline={seed:0}")
    assert sweep(*space, "study.trials=3") == 0
    client = store.connect(None)
    capsys.readouterr()

    # The best trial's run: one answer to which is the best now, and a word on the other.
    best = find.best(client, "del").run_id
    client.delete_run(best)
    second = find.best(client, "del").run_id
    assert second != best
    assert sweep(*space, "study.trials=3") == 0
    out = capsys.readouterr().out
    assert f"run      {second}\n" in out
    told = re.search(r"^deleted  trial (\d) .*", out, re.MULTILINE)
    assert told is not None
    assert best in told[0]
    (parent,) = runs(study="del", kind="study")
    assert parent.data.tags["ferlab.best_run"] == second
    assert cli_report("del", tmp_path) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert f"The best trial is MLflow run `{second}`" in text
    assert f"**Deleted.** Trial {told[1]} " in text
    capsys.readouterr()
    for shown in ("best:del", parent.info.run_id[:10]):
        assert command_line.main(["show", shown]) == 0
        out = capsys.readouterr().out
        assert second in out
        assert best not in out

    # The study's own run, then with it a renamed experiment: no second study run, none beside it.
    client.delete_run(parent.info.run_id)
    assert sweep(*space, "study.trials=4") == 0
    assert "was deleted in MLflow; it is restored" in caplog.text
    client.rename_experiment(parent.info.experiment_id, "fer-2026")
    assert sweep(*space, "study.trials=5") == 0
    assert [run.info.run_id for run in runs(study="del", kind="study")] == [parent.info.run_id]
    assert {run.info.experiment_id for run in children("del")} == {parent.info.experiment_id}
    assert client.get_experiment_by_name("ferlab") is None

    # The study's run gone for good: the older trials are below the new one.
    client._tracking_client.store._hard_delete_run(parent.info.run_id)
    assert sweep(*space, "study.trials=6") == 0
    (new,) = runs(study="del", kind="study")
    assert len(children("del")) == 5  # and a deleted one
    assert {run.data.tags["mlflow.parentRunId"] for run in children("del")} == {new.info.run_id}

    # The baseline's run, or the whole experiment.
    baseline = trials(home, "del")[0].user_attrs["run_id"]
    if baseline != best:
        client.delete_run(baseline)
    with pytest.raises(EvidenceError, match=f"is deleted in MLflow .*--run-id {baseline}"):
        choose(client, "del", None)
    client.delete_experiment(parent.info.experiment_id)
    assert sweep(*space, "study.trials=6") == 1
    assert "restore --experiment-id 1 brings it back" in capsys.readouterr().err
    client.restore_experiment(parent.info.experiment_id)


@pytest.mark.parametrize(
    ("deleted", "best", "told"),
    [
        ((), 2, ""),
        ((2,), 1, "trial 2 (trial 2, 90.00 %, run "),
        ((1, 2), 0, "trials 1 (trial 1, 80.00 %, run "),
        ((0, 1, 2), None, "trials 0 "),
    ],
)
def test_of_what_is_deleted_nothing_is_the_best(
    deleted: tuple[int, ...], best: int | None, told: str
) -> None:
    scores = enumerate((0.7, 0.8, 0.9))
    found = table(*(row(i, score, is_deleted=i in deleted) for i, score in scores))
    assert (found.best and found.best.number) == best
    assert len(found.complete) == 3
    assert tell_deleted(found).startswith(told)
    assert bool(tell_deleted(found)) is bool(told)
    assert [kept.number for kept in found.front] == ([] if best is None else [best])
