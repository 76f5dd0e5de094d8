"""A search confirmed from outside: killed on the way, gone on with, judged, asked again."""

import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from ferlab import cli as command_line
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.confirm import confirm as confirming
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, _names, begun, choose
from ferlab.errors import EvidenceError, FerlabError
from ferlab.outage import Patience
from ferlab.report import confirmation_files
from ferlab.sweep import studies
from ferlab.sweep.workers.storage import open_storage
from ferlab.tracking import artifacts, store
from tests.confirmed_study import BASE, GAIN, LOOKS, PLANNED, SAME, Lab
from tests.fake_studies import row
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


def test_what_it_has_come_to_is_recorded_once_the_store_is_back(
    there: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
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
    with closing(sqlite3.connect(there.home / "mlflow.db", isolation_level=None)) as other:
        assert command_line.main(["confirm", "oracles", "--to", "again"]) == 0
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


# --- bad input ----------------------------------------------------------------------------


def study(
    name: str,
    baseline: dict[str, object],
    *states: TrialState,
    frame: bool = True,
    seed: int = 0,
    replicates: int = 1,
) -> None:
    """A study of two learning rates, of which as many are there as there are states."""
    made = optuna.create_study(
        study_name=name, storage=open_storage(None, name), direction="maximize"
    )
    if frame:
        made.set_user_attr("about", {"seed": seed, "data": "d", **baseline})
        made.set_user_attr(
            "frame",
            {"question": None, "objectives": ["val/accuracy"], "minimised": [False], "budget": 2,
             "epochs": 1, "replicates": replicates, "command": "ferlab"},
        )  # fmt: skip
    for lr, state in zip((0.05, 0.1), states, strict=False):
        attrs = {"params": {"optimizer.lr": lr}, "name": f"lr {lr}", "run_id": "0"}
        value = 0.5 if state == TrialState.COMPLETE else None
        made.add_trial(create_trial(state=state, value=value, user_attrs=attrs))


DONE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED
SLOW: dict[str, object] = {"study.baseline.optimizer.lr": 0.05}


NOWHERE: Any = None


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's trials have no runs, so none can have been deleted."""
    monkeypatch.setattr("ferlab.confirm.choice.view_with_runs", lambda s, _: studies.view(s))


"""A store that nothing is asked of."""


@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(
    ("baseline", "states", "best", "message"),
    [
        (SLOW, [], 1, "has no finished trial"),
        (SLOW, [PRUNED, PRUNED], 1, "has no finished trial"),
        ({"study.baseline": None}, [DONE], 1, "has no baseline to compare with"),
        (SLOW, [PRUNED, DONE], 1, r"\(optimizer.lr: 0.05\) is pruned; it must be complete"),
        ({"study.baseline.optimizer.lr": 7.0}, [DONE], 1, "is not in it; it must be complete"),
        (SLOW, [DONE], 1, "has 0 complete configurations beside its baseline, not 1"),
        (SLOW, [DONE, DONE], 2, "has 1 complete configuration beside its baseline, not 2"),
    ],
)
def test_a_study_that_cannot_be_confirmed_is_told_why(
    baseline: dict[str, object],
    states: list[TrialState],
    best: int,
    message: str,
    home: Path,
) -> None:
    study("s", baseline, *states)
    with pytest.raises(EvidenceError, match=message):
        choose(NOWHERE, "s", None, best)
    assert not (home / "studies" / "s-confirm.log").exists()


@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(
    ("seed", "replicates", "swept", "others", "fresh"),
    [
        (0, 1, [], [], [1, 2, 3, 4, 5, 6, 7]),
        (5, 3, [], [], [8, 9, 10, 11, 12, 13, 14]),
        (0, 1, [3, 9], [], [10, 11, 12, 13, 14, 15, 16]),
        (0, 1, [], [0, 2, 3, 2**32], [1, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_seeds_are_fresh_whatever_the_search_and_others_used(
    seed: int,
    replicates: int,
    swept: list[int],
    others: list[int],
    fresh: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = SimpleNamespace(run_id="0", seeds=())
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    on_this_data = [SimpleNamespace(tags={"ferlab.seed": str(used)}) for used in others]
    monkeypatch.setattr("ferlab.confirm.choice.find.every", lambda *_: on_this_data)
    study("s", SLOW, DONE, DONE, seed=seed, replicates=replicates)
    made = optuna.load_study(study_name="s", storage=open_storage(None, "s"))
    for value in swept:
        params = {"optimizer.lr": 0.2, "seed": value}
        attrs = {"params": params, "name": f"lr 0.2, seed {value}", "run_id": "0"}
        made.add_trial(create_trial(state=DONE, value=0.2 * value, user_attrs=attrs))
    choice = choose(NOWHERE, "s", None, looks=(5, 7))
    assert choice.seeds == tuple(fresh)
    assert [arm.name for arm in choice.arms] == ["lr 0.05", "lr 0.2" if swept else "lr 0.1"]


@pytest.mark.usefixtures("unrecorded")
def test_a_trial_is_the_opponent_where_the_study_has_no_baseline(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    run = SimpleNamespace(run_id="0", seeds=())
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    monkeypatch.setattr("ferlab.confirm.choice.find.every", lambda *_: [])
    study("s", {}, DONE, DONE)
    choice = choose(NOWHERE, "s", None, against=1)
    assert [arm.name for arm in choice.arms] == ["lr 0.1", "lr 0.05"]
    study("s-confirm", {"confirmation": choice.plain()}, DONE)
    assert choose(NOWHERE, "s", None) == choice
    assert choose(NOWHERE, "s", None, against=1) == choice
    with pytest.raises(EvidenceError, match="against trial 1; it cannot be changed"):
        choose(NOWHERE, "s", None, against=0)


@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(("against", "state"), [(0, "pruned"), (2, "not in it"), (-1, "not in it")])
def test_an_opponent_that_is_not_complete_is_told(against: int, state: str, home: Path) -> None:
    study("s", SLOW, PRUNED, DONE)
    with pytest.raises(EvidenceError, match=f"--against {against}: that trial .* is {state}; it"):
        choose(NOWHERE, "s", None, against=against)


def test_names_say_no_attention_and_tell_equals_apart() -> None:
    name = "no attention, augmentation none, seed 3"
    plain = row(0, params={"model.attention.kind": "none"}, name=name)
    placed = [row(n, params={"model.attention.kind": "se"}, name="se r8 @all") for n in (4, 7)]
    assert _names([plain, *placed]) == [
        "no attention, augmentation none",
        "se r8 @all (trial 4)",
        "se r8 @all (trial 7)",
    ]


def test_too_few_seeds_and_unknown_studies_are_told_in_a_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study("s", SLOW, DONE, DONE)
    study("empty", {}, frame=False)
    store.connect(None)
    capsys.readouterr()  # MLflow tells of its new tables, where nobody has set up logging
    for arguments, message in (
        (["s", "--looks", "3,10"], "--looks 3,10: there is no verdict below 5 seeds"),
        (["s", "--looks", "10,5"], "--looks 10,5: seeds at each look must increase"),
        (["s", "--worth", "0"], "--worth 0: points of accuracy are more than 0, less than 100"),
        (["s", "--best", "0"], "at least 1 configuration"),
        (["s", "--workers", "0"], "at least 1 must train"),
        (["s", "--plan", "seed=3"], "of 'seed=3' only hydra/launcher= and hydra.launcher.KEY="),
        (["sx"], "there is no study 'sx'; did you mean 's'?"),
        (["empty"], "has not begun"),
    ):
        assert command_line.main(["confirm", *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_confirmation_is_not_confirmed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choice = Choice("s", (), LookPlan((5,)), (1, 2, 3, 4, 5), ())
    study("s-confirm", {"confirmation": choice.plain()}, DONE)
    store.connect(None)
    capsys.readouterr()
    assert command_line.main(["confirm", "s-confirm"]) == 1
    error = capsys.readouterr().err
    assert "'s-confirm' is the confirmation of 's' itself; ferlab confirm s goes on" in error
    assert error.count("\n") == 1


def test_one_that_was_begun_without_a_plan_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study("s", SLOW, DONE, DONE)
    before = {"study": "s", "arms": [], "seeds": [1, 2, 3], "looked": []}
    study("s-confirm", {"confirmation": before}, DONE)
    store.connect(None)
    capsys.readouterr()
    assert command_line.main(["confirm", "s"]) == 1
    error = capsys.readouterr().err
    assert "of 's' was begun by an older ferlab, without a plan of its looks" in error
    assert error.count("\n") == 1


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


def test_one_that_nothing_stopped_comes_to_the_same_looks_in_the_store_of_its_search(
    there: Lab, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    before = looks_of("oracles-confirm")
    shutil.copytree(there.folder, tmp_path / "place")  # others read the report that lies there
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setenv("FERLAB_HOME", str(home / "of-its-own"))
    elsewhere = f"tracking.uri=sqlite:///{tmp_path}/other.db"
    swept = ["sweep", "oracles", HERE, elsewhere]
    assert command_line.main(swept) == 0
    confirm = ["confirm", "oracles", *PLANNED, "--to", str(tmp_path / "to"), HERE]
    assert command_line.main(confirm) == 0
    assert f"verdict  {GAIN}, against {BASE}: better: " in capfd.readouterr().out
    assert command_line.main(["report", "oracles", "--to", str(tmp_path / "report")]) == 0
    assert command_line.main([*swept, "--confirm"]) == 0  # all is trained
    assert capfd.readouterr().out.count("verdict  ") == 4
    assert not (home / "of-its-own" / "mlflow.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert len(children("oracles-confirm")) == 17
    assert looks_of("oracles-confirm") == before

    # Once more, from the search on, as if the first result had not pleased.
    again = ["oracles-2", "--best", "1", "--looks", "5", "--worth", "8"]
    assert command_line.main([*swept, "--new"]) == 0
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


def test_a_search_in_a_store_with_a_password_says_to_name_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study("s", SLOW, DONE, DONE)
    made = optuna.load_study(study_name="s", storage=open_storage(None, "s"))
    made.set_user_attr("frame", {**made.user_attrs["frame"], "store": "postgresql://me:***@db/ml"})
    assert command_line.main(["confirm", "s"]) == 1
    error = capsys.readouterr().err
    assert "the runs are in postgresql://me:***@db/ml, whose password is not kept" in error
    assert "set MLFLOW_TRACKING_URI" in error
    assert error.count("\n") == 1
