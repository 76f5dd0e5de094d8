"""A search confirmed from outside: killed on the way, gone on with, judged, asked again."""

import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ferlab import cli as command_line
from ferlab import paths
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.confirm import confirm as confirming
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, begun
from ferlab.errors import EvidenceError, FerlabError
from ferlab.outage import Patience
from ferlab.report import confirmation_files
from ferlab.tracking import artifacts, store
from tests.confirmed_study import BASE, GAIN, LOOKS, PLANNED, SAME, Lab
from tests.sweep.test_sweep import HERE, children, runs, trials


def test_killed_and_gone_on_with_no_arm_is_trained_after_its_verdict(there: Lab) -> None:
    done = children("oracles-confirm")
    assert {run.info.status for run in done} == {"FINISHED"}
    asked = [(run.data.params["model.right"], run.data.params["model.spare"],
              int(run.data.params["seed"])) for run in done]  # fmt: skip
    arms = {("0.6", "0"): 6, ("0.6", "3"): 6, ("0.75", "0"): 5}
    assert sorted(asked) == [(*arm, 1 + i) for arm, seeds in arms.items() for i in range(seeds)]
    points = [t.user_attrs.get("params") for t in trials(there.home, "oracles-confirm")]
    seeds = [params["seed"] for params in points if params is not None]  # None: killed before
    alternating = [seed for seed in range(1, 6) for _ in range(3)]
    assert seeds == [*alternating, 6, 6]
    (parent,) = runs(study="oracles-confirm", kind="study")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["ferlab.confirms"] == "oracles"


def test_better_is_said_where_it_is_with_an_interval_that_holds_the_truth(there: Lab) -> None:
    found = {comparison.arm: comparison for comparison in there.evidence.comparisons}
    assert set(found) == {GAIN, SAME}
    low, high = found[GAIN].accuracy.interval
    assert low < 0.15 < high
    look, ruling = there.evidence.rulings[GAIN]
    assert (look.number, ruling.verdict) == (1, Verdict.BETTER)
    assert found[GAIN].accuracy.interval == ruling.interval
    assert f"verdict  {GAIN}, against {BASE}: better: +" in there.printed


def test_no_difference_is_said_between_configurations_that_are_the_same(there: Lab) -> None:
    found = {comparison.arm: comparison for comparison in there.evidence.comparisons}
    low, high = found[SAME].accuracy.estimate.interval()
    assert low < 0 < high
    look, ruling = there.evidence.rulings[SAME]
    assert (look.number, ruling.verdict) == (2, Verdict.NO_DIFFERENCE)
    assert f"verdict  {SAME}, against {BASE}: no difference of 8 points: " in there.printed


def test_each_look_is_kept_on_the_confirmations_run_and_cannot_be_changed(
    there: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (parent,) = runs(study="oracles-confirm", kind="study")
    client, choice = store.connect(None), there.evidence.choice
    found = looks.recorded(client, parent.info.run_id, choice)
    assert found == there.evidence.looks
    assert [len(look.seeds) for look in found] == list(LOOKS)
    assert [list(look.rulings) for look in found] == [[GAIN, SAME], [SAME]]
    assert [set(look.predictions) for look in found] == [{BASE, GAIN, SAME}, {BASE, SAME}]
    text = looks_of("oracles-confirm")["looks/look-1.json"].replace(b'"better"', b'"worse"')
    monkeypatch.setattr(looks.artifacts, "read_files", lambda *_: defaultdict(lambda: text))
    with pytest.raises(EvidenceError, match=r"looks/look-1.json of run .* was changed since"):
        looks.recorded(client, parent.info.run_id, choice)


def looks_of(study: str) -> dict[str, bytes]:
    """The looks that a study's run has kept, as they are."""
    (parent,) = runs(study=study, kind="study")
    client, paths = store.connect(None), ["looks/look-1.json", "looks/look-2.json"]
    return artifacts.read_files(client, parent.info.run_id, paths, paths)


def test_the_test_split_is_scored_once_and_never_in_the_search(there: Lab) -> None:
    client = store.connect(None)
    for run in children("oracles-confirm"):
        assert len(client.get_metric_history(run.info.run_id, "test/accuracy")) == 1
        assert run.data.tags["ferlab.test.scored_by"] == "oracles-confirm"
        (scored,) = client.get_metric_history(run.info.run_id, "test/accuracy")
        look = [other for other in children("oracles-confirm") if is_first(other) == is_first(run)]
        assert scored.timestamp >= max(other.info.end_time for other in look)
    assert not any("test/accuracy" in run.data.metrics for run in children("oracles"))


def is_first(run: Any) -> bool:
    """Whether a run is of the first look."""
    return int(run.data.params["seed"]) <= LOOKS[0]


def test_asked_again_it_trains_nothing_and_scores_nothing(
    there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {run.info.run_id: run.data.metrics for run in children("oracles-confirm")}
    assert command_line.main(["confirm", "oracles", "--looks", "5,6", "--to", "again"]) == 0
    verdicts = [line for line in there.printed.splitlines() if line.startswith("verdict")]
    *lines, look = capsys.readouterr().out.splitlines()
    assert look.startswith("look     ferlab ui oracles-confirm, then http")
    assert lines == [
        "confirm  oracles-confirm: 3 configurations, 17 runs; looks at 5 and 6 seeds, at 5 % "
        "together; 8 points would matter",
        *verdicts,
        "result   again/RESULTS.md",
        "page     again/report.html",
    ]
    after = {run.info.run_id: run.data.metrics for run in children("oracles-confirm")}
    assert after == before
    client = store.connect(None)
    for run_id in after:
        assert len(client.get_metric_history(run_id, "test/accuracy")) == 1


@pytest.mark.usefixtures("no_patience")
def test_what_it_has_come_to_is_recorded_once_the_store_is_back(
    there: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(there.folder, tmp_path / "place")  # others read what is recorded there
    monkeypatch.setenv("FERLAB_HOME", str(tmp_path / "place" / "home"))
    write, wait = confirmation_files.write_confirmation, Patience.wait
    before = {run.info.run_id: run.info.status for run in runs()}

    def write_and_lock(*args: Any) -> None:
        write(*args)
        if "waits    " not in caplog.text:
            other.execute("BEGIN EXCLUSIVE")

    def wait_and_unlock(patience: Patience, error: Exception) -> None:
        wait(patience, error)
        other.execute("ROLLBACK")

    monkeypatch.setattr(confirmation_files, "write_confirmation", write_and_lock)
    monkeypatch.setattr(Patience, "wait", wait_and_unlock)
    (parent,) = runs(study="oracles-confirm", kind="study")
    store.connect(None).delete_tag(parent.info.run_id, "ferlab.verdict")
    database = tmp_path / "place" / "home" / "mlflow.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        assert command_line.main(["confirm", "oracles", "--to", str(tmp_path / "again")]) == 0
    assert caplog.text.count("waits    the tracking store ") == 1
    assert caplog.text.count("goes on  after") == 1
    (parent,) = runs(study="oracles-confirm", kind="study")
    assert parent.data.tags["ferlab.verdict"].startswith("better: ")
    assert {run.info.run_id: run.info.status for run in runs()} == before


def test_what_was_chosen_is_kept_and_not_changed_afterwards(
    there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = there.evidence.choice
    assert choice.arms[0].name == BASE
    assert choice.plan == LookPlan((5, 6), worth=0.08)
    assert choice.seeds == (1, 2, 3, 4, 5, 6)
    assert Choice.read(choice.plain()) == choice == begun("oracles", None)
    for other in (["--looks", "5"], ["--worth", "1"], ["--best", "1"], ["--against", "1"]):
        assert command_line.main(["confirm", "oracles", *other]) == 1
        assert (
            "was begun with --best 2 --looks 5,6 --worth 8, against trial 0; it cannot be changed"
            in capsys.readouterr().err
        )
    assert command_line.main(["confirm", "oracles", "optimizer.lr=1"]) == 1
    assert "only hydra/launcher= and" in capsys.readouterr().err


def test_the_best_run_is_the_searchs_and_not_one_of_its_confirmation(
    there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    from ferlab.tracking import find

    assert find.best(store.connect(None)).study == "oracles"


def test_a_run_that_was_scored_before_is_told_of(there: Lab) -> None:
    name = there.evidence.choice.arms[0].name
    first, *rest = there.evidence.runs[name]
    tags = {**first.tags, evidence.SCORED_BY: "another command"}
    found = {**there.evidence.runs, name: [replace(first, tags=tags), *rest]}
    looked = replace(there.evidence, runs=found)
    assert [entry.run_id for entry in looked.scored_before] == [first.run_id]
    assert there.evidence.scored_before == []


def test_runs_on_different_data_are_not_compared(there: Lab) -> None:
    name = there.evidence.choice.arms[0].name
    first, *rest = there.evidence.runs[name]
    other = replace(first, tags={**first.tags, "ferlab.data.digest": "f" * 32})
    found = {**there.evidence.runs, name: [other, *rest]}
    with pytest.raises(EvidenceError, match=rf"different data: digests .* and {'f' * 32} \(1 runs"):
        confirming._require_one_data(there.evidence.choice, found)
    soft = [replace(e, params={**e.params, "data.soft_share": "0.5"}) for e in (other, *rest)]
    with pytest.raises(EvidenceError, match="different data"):
        confirming._require_one_data(there.evidence.choice, {**found, name: soft})
    asked = [replace(e, tags={**e.tags, "ferlab.data.digest": "f" * 32}) for e in soft]
    confirming._require_one_data(there.evidence.choice, {**found, name: asked})


def test_a_recorded_config_may_not_call_what_is_not_allowed(
    there: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ferlab.sweep.search.trial_configs import RecordedConfigs

    config = {BASE: there.evidence.config.plain()}
    assert RecordedConfigs(config)({"arm": BASE, "seed": 7}).seed == 7
    monkeypatch.delenv("FERLAB_ALLOW")
    with pytest.raises(FerlabError, match=r"tests\.oracle\.Oracle.* FERLAB_ALLOW"):
        RecordedConfigs(config)({"arm": BASE, "seed": 7})


def test_a_sweep_that_is_over_goes_on_to_its_confirmation(
    there: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def confirmed(*arguments: object) -> int:
        asked.append(arguments)
        return 3

    monkeypatch.setattr("ferlab.cli.confirm.run_confirmation", confirmed)
    assert command_line.main(["sweep", "oracles", "--confirm", HERE]) == 3
    assert asked == [("oracles", None, Path("experiments/oracles"), [HERE], None)]
    assert len(children("oracles")) == 3


@pytest.mark.usefixtures("no_pictures")
def test_one_that_nothing_stopped_comes_to_the_same_looks_in_the_store_of_its_search(
    there: Lab,
    home: Path,
    empty_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Any,
) -> None:
    before = looks_of("oracles-confirm")
    shutil.copytree(there.folder, tmp_path / "place")  # others read the report that lies there
    shutil.copy(empty_store, tmp_path / "other.db")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setenv("FERLAB_HOME", str(home / "of-its-own"))
    elsewhere = f"tracking.uri=sqlite:///{tmp_path}/other.db"
    swept = ["sweep", "oracles", HERE, elsewhere]
    assert command_line.main(swept) == 0
    confirm = ["confirm", "oracles", *PLANNED, "--to", str(tmp_path / "to"), HERE]
    assert command_line.main(confirm) == 0
    assert f"verdict  {GAIN}, against {BASE}: better: " in capfd.readouterr().out
    assert command_line.main([*swept, "--confirm"]) == 0  # all is trained
    assert capfd.readouterr().out.count("verdict  ") == 2
    assert not (home / "of-its-own" / "mlflow.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert len(children("oracles-confirm")) == 17
    assert looks_of("oracles-confirm") == before

    # Once more, from the search on, as if the first result had not pleased.
    again = ["oracles-2", "--best", "1", "--looks", "5", "--worth", "8"]
    assert command_line.main([*swept, "--new"]) == 0
    theirs = Path("conf", "study", "default.yaml")  # defaults of a user's own for sweeps
    theirs.parent.mkdir(parents=True)
    shipped = (paths.shipped() / theirs).read_text()
    changed = shipped.replace("replicates: 1", "replicates: 3").replace("trials: null", "trials: 9")
    theirs.write_text(changed)
    capfd.readouterr()
    assert command_line.main(["confirm", *again, "--plan"]) == 0
    told = capfd.readouterr().out
    assert "study    oracles-2-confirm: 2 configurations; one look at 5 seeds" in told
    assert ": 10 runs, " in told
    assert "with 307 test images, a true difference of " in told
    assert not (home / "of-its-own" / "studies" / "oracles-2-confirm.log").exists()
    assert command_line.main(["confirm", *again, "--to", str(tmp_path / "again"), HERE]) == 0
    assert command_line.main(["confirm", *again, "--plan"]) == 0
    assert "takes    nothing: all is settled" in capfd.readouterr().out
    assert command_line.main(["report", "oracles", "--to", str(tmp_path / "report")]) == 0
    second, first = ((tmp_path / to / "RESULTS.md").read_text() for to in ("again", "report"))
    assert "These test images had judged 1 earlier confirmation (oracles-confirm)." in second
    assert "With p times 2 for that: right 0.75: p" in second
    assert "These test images have judged 1 confirmation since (oracles-2-confirm)." in first
    seeds = [
        {int(run.data.params["seed"]) for run in children(f"{name}-confirm")}
        for name in ("oracles", "oracles-2")
    ]
    assert seeds == [set(range(1, 7)), set(range(7, 12))]
