"""A study that is gone on with under changed code says so, at the start and in its result."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from ferlab.study.code import tell_codes
from ferlab.sweep.trial_code import code_by_trial, record_code, tell_changed
from ferlab.tracking import origin, sources
from tests.fake_studies import row, table
from tests.sweep.test_sweep import HERE, cli_report, sweep, trials


def edited(*files: str) -> Callable[..., dict[str, str]]:
    """The sources as they would be if these had another digest."""
    return lambda targets=(): {**sources.sources(targets), **dict.fromkeys(files, "x")}


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_trials_of_two_codes_are_told_apart_and_others_are_not(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def go_on(to: int) -> tuple[str, str, str]:
        assert sweep(HERE, "study.name=c", "seed=0,1,2,3", f"study.trials={to}") == 0
        printed, log = capsys.readouterr().out, caplog.text
        caplog.clear()
        assert cli_report("c", tmp_path) == 0
        capsys.readouterr()
        return log, printed, (tmp_path / "RESULTS.md").read_text()

    go_on(1)
    monkeypatch.setattr(origin, "sources", edited("ferlab/analysis/search/figures.py"))
    log, out, text = go_on(2)
    assert not ("note" in log or "code  " in out or "**Code.**" in text)
    many = [f"ferlab/models/{i}.py" for i in range(6)]
    monkeypatch.setattr(origin, "sources", edited(*many))
    log, out, text = go_on(4)
    noted = f"note     the code that computes has changed since trial 1 ({', '.join(many[:5])} and"
    assert f"{noted} more)\n" in log
    words = "rials 0-1 were trained by other code than 2-3"
    assert f"\ncode     t{words}\n" in out
    assert f"\n\n**Code.** T{words}. A difference between them may be" in text
    assert len({tuple(trial.user_attrs["code"]) for trial in trials(home, "c")}) == 2
    monkeypatch.setattr(origin, "sources", edited())
    log, _, _ = go_on(4)
    assert "the code" not in log  # nothing is left to train


def test_trials_that_were_begun_by_other_code_and_left_are_told_with_what_that_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = optuna.create_study()
    for epochs in (2, 40):
        trial = study.ask()
        record_code(study, trial, 0, ())
        for epoch in range(1, epochs + 1):
            trial.report(0.5, epoch)
    study.tell(0, 0.5)
    assert tell_changed(study, ()) == ""
    monkeypatch.setattr(origin, "sources", edited("ferlab/models/cnn.py"))
    changed = "the code that computes has changed since trial 1 (ferlab/models/cnn.py)"
    assert (
        tell_changed(study, ()) == f"{changed}; what was left begins anew: trial 1 after 40 epochs"
    )
    study.tell(1, 0.5)
    assert tell_changed(study, ()) == changed


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([(), ()], ""),
        ([(0,), (0,), ()], ""),
        ([(0,), (1,), (1,)], "trial 0 was trained by other code than 1-2"),
        ([(0,), (), (0,), (1,), (0,)], "trials 0-2 and 4 were trained by other code than 3"),
        (
            [(0,), (1,), (1,), (2,)],
            "trials were trained by 3 different states of the code: 0; 1-2; 3",
        ),
        (
            [(0,), (0, 1), (1,)],
            "trial 0 was trained by other code than 2; "
            "of trial 1, not all seeds were trained by the same code",
        ),
    ],
)
def test_trials_are_told_apart_by_their_numbers(codes: list[tuple[int, ...]], told: str) -> None:
    rows = [row(i, 0.5, codes=of) for i, of in enumerate(codes)]
    assert tell_codes(table(*rows)) == told


def test_of_more_trials_than_anyone_reads_not_all_are_listed() -> None:
    told = tell_codes(table(*(row(i, 0.5, codes=(i % 2,)) for i in range(40))))
    assert told.startswith("trials 0, 2, 4, ")
    assert told.endswith("15, 17, 19 and more")


def test_another_part_of_a_users_own_is_no_other_code_but_a_changed_one_is() -> None:
    ours = {"ferlab/models/cnn.py": "1", "torch": "2.11"}
    states = [
        ours,
        {**ours, "own/mine": "1"},
        {**ours, "own/other": "1"},
        {**ours, "own/mine": "2"},
        {**ours, "torch": "2.12"},
        {**ours, "own/other": "1"},
    ]
    attrs = {f"code {i}": state for i, state in enumerate(states)}
    made: list[Any] = [
        SimpleNamespace(number=i, user_attrs={"code": [str(i)]}) for i in range(len(states))
    ]
    made.append(SimpleNamespace(number=6, user_attrs={}))
    found = code_by_trial(attrs, made)
    assert found == {0: (0,), 1: (0,), 2: (0,), 3: (1,), 4: (2,), 5: (0,), 6: ()}
