"""A search repeated from outside: killed on the way, gone on with, repeated once more."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.entities import Run
from optuna.trial import TrialState

from ferlab import cli as command_line
from ferlab import paths
from ferlab.config.compose import compose_sweep
from ferlab.confirm import winners
from ferlab.confirm.repeats import plan_repeats
from ferlab.confirm.winners import _Pair
from ferlab.errors import EvidenceError
from ferlab.study.table import TrialRow
from ferlab.tracking import store
from tests import processes
from tests.fake_studies import row, table
from tests.sweep.test_sweep import HERE, children, trials

NOWHERE: Any = None
"""A store that nothing is asked of."""

NETWORK = """\
_target_: tests.oracle.Oracle
name: oracle
classes: 7
images: 280
right: 0.2
spare: 0
"""
EXPERIMENT = """\
# @package _global_
defaults:
  - override /model: oracle
study:
  trials: 2
  baseline: {model.right: 0.2, model.spare: 0}
  pruner: null
  sampler: {_target_: optuna.samplers.RandomSampler, seed: 5}
data: {images: 280, normalize: unit}
trainer: {max_epochs: 1, batch_size: 512, threads: 1}
hydra:
  sweeper:
    params: {model.right: 'choice(0.2, 0.95)', model.spare: 'range(0, 40)'}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where there is an experiment whose network knows the answers."""
    for name, text in (("conf/model/oracle", NETWORK), ("experiments/few", EXPERIMENT)):
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    monkeypatch.setenv("FERLAB_ALLOW", "tests.oracle")
    monkeypatch.setenv("PYTHONPATH", str(paths.shipped()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _is_under_way(home: Path) -> bool:
    """Whether a winner was trained under its fresh seed, and the next one has begun."""
    if not (home / "studies" / "few-repeats.log").exists():
        return False
    try:
        states = [trial.state for trial in trials(home, "few-repeats")]
    except KeyError:  # the study is not in it yet
        return False
    return TrialState.COMPLETE in states and TrialState.RUNNING in states


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_killed_and_gone_on_with_the_repeats_come_to_one_outcome_and_train_nothing_twice(
    home: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", "few", "--repeats", "2", HERE, "study.workers=1"]
    with processes.started([sys.executable, "-m", "ferlab", *command]) as first:
        first.until(lambda: _is_under_way(home))
    before = {run.info.run_id for run in children("few-repeats") if run.info.status == "FINISHED"}
    assert command_line.main(command) == 0
    printed = capsys.readouterr().out
    assert "repeats  few: 2 searches; winners: right" in printed
    assert f"next     ferlab sweep few --repeats 3 {HERE} study.workers=1\n" in printed
    assert "next     ferlab confirm few-repeat-" in printed
    two = {run.info.run_id for run in children("few-repeats")}
    assert before < two

    command[3] = "3"  # another one, beside those that are there
    assert command_line.main(command) == 0
    assert "outcome  val/accuracy" in (printed := capsys.readouterr().out)
    assert "an interval takes 3" not in printed
    searches = [children(f"few-repeat-{i}") for i in (1, 2, 3)]
    assert [len(done) for done in searches] == [2, 2, 2]
    points = [{run.data.params["model.spare"] for run in done[1:]} for done in searches]
    assert len(set.union(*points)) > 1  # the samplers draw for themselves
    seeds = [{int(run.data.params["seed"]) for run in done} for done in searches]
    assert seeds == [{0}, {2}, {4}]
    again = children("few-repeats")
    assert two < {run.info.run_id for run in again}
    assert {run.info.status for run in again} == {"FINISHED"}
    trained = [(r.data.params["seed"], r.data.params["model.right"], r.data.params["model.spare"])
               for r in again]  # fmt: skip
    assert len(trained) == len(set(trained))
    assert {int(seed) for seed, *_ in trained} == {1, 3, 5}

    every = [run for done in (*searches, again) for run in done]
    assert not any(key.startswith("test/") for run in every for key in run.data.metrics)
    text = (folder / "experiments" / "few" / "REPEATS.md").read_text()
    mean = f"{100 * sum(_best_of(again, seed) for seed in (1, 3, 5)) / 3:.2f} %"
    assert f"Under fresh seeds what they found is worth {mean} (95 % interval " in text
    assert (folder / "experiments" / "few" / "repeats.html").exists()
    parent = again[0].data.tags["mlflow.parentRunId"]
    kept = {file.path for file in store.connect(None).list_artifacts(parent)}
    assert {"REPEATS.md", "repeats.svg", "repeats.html"} <= kept

    for arguments, message in (
        (["--repeats", "2"], "of 3 repeats of 'few' the winners were trained"),
        (["--repeats", "3", "study.trials=4"], "had study.trials=2 when their winners were"),
    ):
        assert command_line.main(["sweep", "few", *arguments, HERE]) == 1
        assert message in capsys.readouterr().err
    assert len(children("few-repeat-1")) == 2


def _best_of(runs: list[Run], seed: int) -> float:
    """The score of the winner that had a seed; the baseline beside it reads less."""
    mine = [run for run in runs if run.data.params["seed"] == str(seed)]
    return max(run.data.metrics["best/accuracy"] for run in mine)


def test_each_repeat_has_training_and_sampler_seeds_of_its_own(folder: Path) -> None:
    within = "{_target_: optuna.samplers.RandomSampler, seed: 8}"
    named = [
        *("experiments=few", "seed=3", "study.replicates=2", "study.seed=1"),
        f"study.sampler={{_target_: optuna.samplers.PartialFixedSampler, base_sampler: {within}}}",
    ]
    repeats = plan_repeats(compose_sweep(named), "few", named[1:], 3)
    composed = [compose_sweep([*named, *search.overrides]) for search in repeats.searches]
    assert [one["study"]["name"] for one in composed] == [f"few-repeat-{i}" for i in (1, 2, 3)]
    assert [one["seed"] for one in composed] == [3, 6, 9]
    assert [search.spare for search in repeats.searches] == [5, 8, 11]
    samplers = [one["study"]["sampler"] for one in composed]
    assert [one["base_sampler"]["seed"] for one in samplers] == [8, 10_008, 20_008]
    assert [one["seed"] for one in samplers] == [5, 10_005, 20_005]
    assert [one["study"]["seed"] for one in composed] == [1, 10_001, 20_001]


def test_a_winner_that_is_the_baseline_is_trained_once() -> None:
    plain, other = row(0, 0.7, params={"lr": 0.1}), row(1, 0.6, params={"lr": 0.2})
    searched = table(plain, other, study="s-repeat-1", baseline=plain.params)
    assert _Pair(searched, plain, plain, 9).points == [{"seed": 9, "arm": "s-repeat-1 trial 0"}]
    assert len(_Pair(searched, other, plain, 9).points) == 2
    found = _Pair(searched, plain, plain, 9).search({"s-repeat-1 trial 0": 0.68})
    assert (found.winner, found.fresh, found.baseline) == ("trial 0 (baseline)", 0.68, 0.68)


def test_as_long_as_a_run_is_missing_there_is_no_outcome(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, other = row(0, 0.6, params={"lr": 0.1}), row(1, 0.7, params={"lr": 0.2})
    pair = _Pair(table(plain, other, study="few-repeat-1"), other, plain, 9)
    monkeypatch.setattr(winners, "_pairs", lambda *_: [pair])
    monkeypatch.setattr(winners, "run_with_config", lambda *_: "")
    monkeypatch.setattr(winners, "retrain", lambda *_: None)
    monkeypatch.setattr(winners.store, "connect", lambda *_, **__: NOWHERE)
    repeats = plan_repeats(compose_sweep(["experiments=few"]), "few", [], 2)
    results: Any = [SimpleNamespace(table=pair.table, uri=None)]
    found = winners.conclude(repeats, results, [])
    assert (found.outcome, found.missing) == (None, 2)


def _repeats(*rows: TrialRow) -> Any:
    """Repeats of one search whose trials have seeds 0 and 1, and whose winner has these runs."""
    searches, settings = [SimpleNamespace(spare=2)], SimpleNamespace(storage=None, replicates=2)
    return SimpleNamespace(rows=lambda: rows, searches=searches, settings=settings)


def test_seeds_are_fresh_for_all_runs_on_the_data_and_kept_by_who_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(winners, "run_with_config", lambda *_: "of the search")
    monkeypatch.setattr(winners, "data_of", lambda *_: {"d"})
    monkeypatch.setattr(winners, "is_used", lambda _, __, seed: seed in {0, 1, 2, 5})
    plain, other = row(0, 0.6, params={"lr": 0.1}), row(1, 0.7, params={"lr": 0.2})
    searched = table(plain, other, study="s-repeat-1", baseline=plain.params)
    (fresh,) = winners._pairs(_repeats(), [searched], NOWHERE)
    assert (fresh.row, fresh.baseline) == (other, plain)
    assert fresh.seed == 8  # 2 and 5 are used, and in 3, 4, 6 and 7 more repeats would train
    begun = row(0, params={"arm": "s-repeat-1 trial 1", "seed": 2})
    assert winners._pairs(_repeats(begun), [searched], NOWHERE)[0].seed == 2
    changed = row(0, params={"arm": "s-repeat-1 trial 5", "seed": 2})
    with pytest.raises(EvidenceError, match="the best of 's-repeat-1' is trial 1 now"):
        winners._pairs(_repeats(changed), [searched], NOWHERE)
    with pytest.raises(EvidenceError, match="has no finished trial, so no winner"):
        winners._pairs(_repeats(), [table(row(0), study="s-repeat-1")], NOWHERE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "1"], "--repeats 1: to be compared, searches are 2 at least"),
        (["--repeats", "3", "--new"], "--repeats goes without --new: repeats are whole searches"),
        (["--repeats", "3", "--from", "s", "--extend"], "goes without --extend, --from: "),
        (["--repeats", "3", "--confirm"], "goes without --confirm: "),
        (["--repeats", "3", "seed=1,2"], "seed: is swept; repeats have training seeds of their"),
        (["--repeats", "3", "study.objective=parameters"], "begins with what no seed changes"),
        (["--repeats", "3", "seed=x"], "seed: is x; it must be a whole number"),
        (["--repeats", "3", "study.trails=3"], "study.trails: unknown key; did you mean 'trials'?"),
    ],
)
def test_what_cannot_be_repeated_is_told_in_a_line_before_anything_is_created(
    arguments: list[str],
    message: str,
    home: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command_line.main(["sweep", "few", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (home / "studies").exists()
