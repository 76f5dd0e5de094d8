"""What is confirmed, under which seeds, and what cannot be; told before anything is trained."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from ferlab import cli as command_line
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.confirm.choice import Choice, _names, choose
from ferlab.errors import EvidenceError
from ferlab.sweep import studies
from ferlab.sweep.workers.storage import open_storage
from ferlab.tracking import store
from tests.fake_studies import row


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
"""A store that nothing is asked of."""


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's trials have no runs, so none can have been deleted."""
    monkeypatch.setattr("ferlab.confirm.choice.view_with_runs", lambda s, _: studies.view(s))


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
    run = SimpleNamespace(run_id="0", seeds=(), tags={})
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    monkeypatch.setattr("ferlab.confirm.choice.is_used", lambda _, __, seed: seed in others)
    monkeypatch.setattr("ferlab.confirm.choice.scored_runs", lambda *_: [])
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
    run = SimpleNamespace(run_id="0", seeds=(), tags={})
    monkeypatch.setattr("ferlab.confirm.choice.find.resolve", lambda *_: run)
    monkeypatch.setattr("ferlab.confirm.choice.is_used", lambda *_: False)
    monkeypatch.setattr("ferlab.confirm.choice.scored_runs", lambda *_: [])
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
