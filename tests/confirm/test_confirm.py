"""A search confirmed from outside: killed on the way, gone on with, judged, asked again."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from ferlab import cli as command_line
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.confirm import confirm as confirming
from ferlab.confirm import evidence
from ferlab.confirm.choice import Choice, _names, begun, choose
from ferlab.errors import EvidenceError, FerlabError
from ferlab.sweep import studies
from ferlab.sweep.workers.storage import open_storage
from ferlab.tracking import store
from tests.confirmed_study import BASE, GAIN, SAME, SEEDS, Lab
from tests.fake_studies import row
from tests.sweep.test_sweep import HERE, children, runs, trials


def test_killed_and_gone_on_with_there_are_as_many_runs_as_arms_and_seeds(there: Lab) -> None:
    done = children("oracles-confirm")
    assert len(done) == 3 * SEEDS
    assert {run.info.status for run in done} == {"FINISHED"}
    asked = [(run.data.params["model.right"], run.data.params["model.spare"],
              int(run.data.params["seed"])) for run in done]  # fmt: skip
    arms = [("0.6", "0"), ("0.6", "1"), ("0.75", "0")]
    assert sorted(asked) == [(*arm, seed) for arm in arms for seed in (1, 2, 3)]
    points = [t.user_attrs.get("params") for t in trials(there.home, "oracles-confirm")]
    seeds = [params["seed"] for params in points if params is not None]  # None: killed before
    assert seeds == [seed for seed in (1, 2, 3) for _ in range(3)]  # arms alternate within a seed
    (parent,) = runs(study="oracles-confirm", kind="study")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["ferlab.confirms"] == "oracles"


def test_better_is_said_where_it_is_with_an_interval_that_holds_the_truth(there: Lab) -> None:
    found = {comparison.arm: comparison for comparison in there.evidence.comparisons}
    assert set(found) == {GAIN, SAME}
    low, high = found[GAIN].accuracy.estimate.interval()
    assert low < 0.15 < high
    assert found[GAIN].verdict is Verdict.BETTER
    assert f"verdict  {GAIN}, against {BASE}: better: +" in there.printed


def test_no_difference_is_said_between_configurations_that_are_the_same(there: Lab) -> None:
    found = {comparison.arm: comparison for comparison in there.evidence.comparisons}
    low, high = found[SAME].accuracy.estimate.interval()
    assert low < 0 < high
    assert found[SAME].verdict is Verdict.UNSEEN
    assert f"verdict  {SAME}, against {BASE}: no difference that this study could see" in (
        there.printed
    )


def test_the_test_split_is_scored_once_and_never_in_the_search(there: Lab) -> None:
    client = store.connect(None)
    for run in children("oracles-confirm"):
        assert len(client.get_metric_history(run.info.run_id, "test/accuracy")) == 1
        assert run.data.tags["ferlab.test.scored_by"] == "oracles-confirm"
        ended = max(other.info.end_time for other in children("oracles-confirm"))
        (scored,) = client.get_metric_history(run.info.run_id, "test/accuracy")
        assert scored.timestamp >= ended
    assert not any("test/accuracy" in run.data.metrics for run in children("oracles"))


def test_asked_again_it_trains_nothing_and_scores_nothing(
    there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {run.info.run_id: run.data.metrics for run in children("oracles-confirm")}
    assert command_line.main(["confirm", "oracles", "--seeds", str(SEEDS), "--to", "again"]) == 0
    verdicts = [line for line in there.printed.splitlines() if line.startswith("verdict")]
    assert capsys.readouterr().out.splitlines() == [
        "confirm  oracles-confirm: 3 configurations, 3 seeds each",
        *verdicts,
        "result   again/RESULTS.md",
        "page     again/report.html",
    ]
    after = {run.info.run_id: run.data.metrics for run in children("oracles-confirm")}
    assert after == before
    client = store.connect(None)
    for run_id in after:
        assert len(client.get_metric_history(run_id, "test/accuracy")) == 1


def test_what_was_chosen_is_kept_and_not_changed_afterwards(
    there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = there.evidence.choice
    assert choice.arms[0].name == BASE
    assert choice.seeds == (1, 2, 3)
    assert Choice.read(choice.plain()) == choice == begun("oracles", None)
    assert command_line.main(["confirm", "oracles", "--seeds", "20"]) == 1
    assert "was begun with --best 2 --seeds 3; it cannot be changed" in capsys.readouterr().err
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
        made.set_user_attr("about", {"seed": seed, **baseline})
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
        choose(NOWHERE, "s", None, best, 3)
    assert not (home / "studies" / "s-confirm.log").exists()


@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(
    ("seed", "replicates", "swept", "fresh"),
    [(0, 1, [], 1), (5, 3, [], 8), (0, 1, [3, 9], 10)],
)
def test_seeds_are_fresh_whatever_the_search_used(
    seed: int, replicates: int, swept: list[int], fresh: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SimpleNamespace(run_id="0", seeds=())
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    monkeypatch.setattr("ferlab.confirm.choice.find.every", lambda *_: [])
    study("s", SLOW, DONE, DONE, seed=seed, replicates=replicates)
    made = optuna.load_study(study_name="s", storage=open_storage(None, "s"))
    for value in swept:
        params = {"optimizer.lr": 0.2, "seed": value}
        attrs = {"params": params, "name": f"lr 0.2, seed {value}", "run_id": "0"}
        made.add_trial(create_trial(state=DONE, value=0.2 * value, user_attrs=attrs))
    choice = choose(NOWHERE, "s", None, 1, 4)
    assert choice.seeds == tuple(range(fresh, fresh + 4))
    assert [arm.name for arm in choice.arms] == ["lr 0.05", "lr 0.2" if swept else "lr 0.1"]


@pytest.mark.usefixtures("unrecorded")
def test_a_trial_is_the_opponent_where_the_study_has_no_baseline(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    run = SimpleNamespace(run_id="0", seeds=())
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    monkeypatch.setattr("ferlab.confirm.choice.find.every", lambda *_: [])
    study("s", {}, DONE, DONE)
    choice = choose(NOWHERE, "s", None, None, None, against=1)
    assert [arm.name for arm in choice.arms] == ["lr 0.1", "lr 0.05"]
    study("s-confirm", {"confirmation": choice.plain()}, DONE)
    assert choose(NOWHERE, "s", None, None, None) == choice
    assert choose(NOWHERE, "s", None, None, None, against=1) == choice
    with pytest.raises(EvidenceError, match="was begun against trial 1; it cannot be changed"):
        choose(NOWHERE, "s", None, None, None, against=0)


@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(("against", "state"), [(0, "pruned"), (2, "not in it"), (-1, "not in it")])
def test_an_opponent_that_is_not_complete_is_told(against: int, state: str, home: Path) -> None:
    study("s", SLOW, PRUNED, DONE)
    with pytest.raises(EvidenceError, match=f"--against {against}: that trial .* is {state}; it"):
        choose(NOWHERE, "s", None, None, None, against=against)


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
        (["s", "--seeds", "2"], "3 seeds for an interval"),
        (["s", "--best", "0"], "at least 1 configuration"),
        (["s", "--workers", "0"], "at least 1 must train"),
        (["sx"], "there is no study 'sx'; did you mean 's'?"),
        (["empty"], "has not begun"),
    ):
        assert command_line.main(["confirm", *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_confirmation_is_not_confirmed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choice = Choice("s", (), (1, 2, 3), ())
    study("s-confirm", {"confirmation": choice.plain()}, DONE)
    store.connect(None)
    capsys.readouterr()
    assert command_line.main(["confirm", "s-confirm"]) == 1
    error = capsys.readouterr().err
    assert "'s-confirm' is the confirmation of 's' itself; ferlab confirm s goes on" in error
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


def test_a_confirmation_uses_the_store_of_its_search(
    there: Lab, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    shutil.copytree(there.folder, tmp_path / "place")  # others read the report that lies there
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setenv("FERLAB_HOME", str(home / "of-its-own"))
    elsewhere = f"tracking.uri=sqlite:///{tmp_path}/other.db"
    swept = ["sweep", "oracles", HERE, elsewhere, "data.images=280", "model.spare=0"]
    assert command_line.main(swept) == 0
    confirm = ["confirm", "oracles", "--seeds", "3", "--to", str(tmp_path / "to"), HERE]
    assert command_line.main(confirm) == 0
    assert "verdict  right 0.75, against right 0.6: " in capfd.readouterr().out
    assert command_line.main(["report", "oracles", "--to", str(tmp_path / "report")]) == 0
    assert command_line.main([*swept, "--confirm"]) == 0  # all is trained
    assert capfd.readouterr().out.count("verdict  ") == 2
    assert not (home / "of-its-own" / "mlflow.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert len(children("oracles-confirm")) == 6


def test_a_search_in_a_store_with_a_password_says_to_name_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study("s", SLOW, DONE, DONE)
    made = optuna.load_study(study_name="s", storage=open_storage(None, "s"))
    secret = store.noted("postgresql://me:secret@db/ml")
    made.set_user_attr("frame", {**made.user_attrs["frame"], "store": secret})
    assert command_line.main(["confirm", "s"]) == 1
    error = capsys.readouterr().err
    assert "the runs are in postgresql://me:***@db/ml, whose password is not kept" in error
    assert "set MLFLOW_TRACKING_URI" in error
    assert error.count("\n") == 1
