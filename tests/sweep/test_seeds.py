"""Several seeds for each point: paired, stopped between seeds where one falls behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ferlab.sweep.workers.replicate as replicate_module
from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.errors import RunEnded
from ferlab.sweep.workers import trial as one_trial
from ferlab.sweep.workers.replicate import Replicate, SeedRun
from ferlab.sweep.workers.seed_pruning import behind, in_worse_half
from ferlab.tracking import store
from ferlab.training.run import train
from tests.sweep.test_study import NEVER, shared
from tests.sweep.test_sweep import FAST, HERE, children, runs, sweep, trials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2}


def test_each_point_is_trained_under_the_same_seeds_and_judged_by_their_mean(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (HERE, "study.name=s", "study.replicates=2", "seed=3", "optimizer.lr=0.05,0.1")
    assert sweep(*arguments) == 0
    assert "2 of 2 trials count" in (out := capsys.readouterr().out)
    assert "the mean of 2 seeds" in out
    (parent,) = runs(study="s", kind="study")
    groups = runs(study="s", kind="trial")
    assert [group.info.run_name for group in groups] == ["lr 0.05", "lr 0.1"]
    for trial, group in zip(trials(home, "s"), groups, strict=True):
        assert group.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert group.info.status == "FINISHED"
        seeds = [r for r in children("s") if r.data.tags.get("ferlab.replicate")]
        mine = [r for r in seeds if r.data.tags["mlflow.parentRunId"] == group.info.run_id]
        assert [run.data.params["seed"] for run in mine] == ["3", "4"]
        scores = [run.data.metrics["best/accuracy"] for run in mine]
        assert trial.user_attrs["scores"] == scores
        assert trial.value == group.data.metrics["best/accuracy"] == pytest.approx(np.mean(scores))
        assert group.data.metrics["spread/accuracy"] == pytest.approx(np.std(scores, ddof=1))
        for name in ("best/loss", "best/f1", "best/f1/happy", "best/epoch"):
            mean = np.mean([run.data.metrics[name] for run in mine])
            assert group.data.metrics[name] == pytest.approx(mean)
        assert trial.user_attrs["run_id"] == group.info.run_id
    best = max(groups, key=lambda group: group.data.metrics["best/accuracy"])
    assert parent.data.tags["ferlab.best_run"] == best.info.run_id


def test_a_failure_under_one_seed_repeats_that_seed_alone(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    seeds: list[int] = []

    def unlucky(config: object, *rest: object) -> object:
        seeds.append(config.seed)  # type: ignore[attr-defined]
        if len(seeds) == 2:
            raise RunEnded("out of memory", "some-run", "out-of-memory")
        return train(config, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(replicate_module, "train", unlucky)
    assert sweep(HERE, "study.name=r", "study.replicates=2", "optimizer.lr=choice(0.05)") == 0
    assert seeds == [0, 1, 1]
    (trial,) = trials(home, "r")
    assert trial.user_attrs["attempts"] == [0, 1]


NETWORK = """\
_target_: tests.oracle.Oracle
name: oracle
classes: 7
images: 350
right: 0.5
spare: 0
"""
"""Reads so many of the faces correctly, whatever it has been trained with."""


@pytest.fixture
def oracles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Sweeps networks that know a share of the answers."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "oracle.yaml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERLAB_ALLOW", "tests.oracle")
    short = ("data.images=350", "data.normalize=unit", "trainer.max_epochs=1", "trainer.threads=1")
    return lambda *given: command_line.main(["train", "-m", HERE, "model=oracle", *short, *given])


def test_a_point_that_is_clearly_behind_gets_no_further_seed(
    monkeypatch: pytest.MonkeyPatch, home: Path, oracles: Callable[..., int]
) -> None:
    monkeypatch.setattr("ferlab.sweep.workers.seed_pruning._FREEDOM", 1)
    monkeypatch.setattr("ferlab.sweep.workers.seed_pruning._SIGMAS", 0.0)
    baseline = "study.baseline={model.right:0.4}"
    values = "model.right=0.95,0.8,0.4,0.1"
    assert oracles("study.name=b", "study.replicates=2", baseline, values) == 0
    first, *others = trials(home, "b")
    assert first.params == {"model.right": 0.4}
    assert first.state.name == "COMPLETE"  # the baseline, trained first and whole
    stopped = [trial for trial in others if trial.state.name == "PRUNED"]
    assert [trial.params["model.right"] for trial in stopped][-1] == 0.1
    for trial in stopped:
        assert len(trial.user_attrs["scores"]) == 1
        group = store.connect(None).get_run(trial.user_attrs["run_id"])
        assert group.info.status == "KILLED"
        assert group.data.tags["ferlab.why"].startswith("after seed 1 of 2: ")


def test_a_trial_that_was_interrupted_is_not_judged_again_by_what_has_ended_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: list[int] = []
    monkeypatch.setattr(
        "ferlab.sweep.workers.seed_pruning.behind", lambda own, *_: judged.append(len(own))
    )
    done = [SeedRun(str(i), {"best/accuracy": 0.1 * i}) for i in range(4)]
    monkeypatch.setattr(Replicate, "run", lambda self: ran(self._index))
    left = [2]

    def ran(index: int) -> SeedRun:
        if index in left:
            left.remove(index)
            raise RunEnded("stopped", str(index), "interrupted")
        return done[index]

    study = shared(budget=1, pruner=MEDIAN, replicates=4)
    with study.liveness.at_work() as me:
        trial = study.next_trial(me, NEVER)
        assert trial is not None
        with pytest.raises(RunEnded):
            one_trial._replicates(study, trial, compose(FAST), "name", None)
        again = study.next_trial(me, NEVER)
        assert again is not None
        assert again.number == trial.number
        assert one_trial._replicates(study, again, compose(FAST), "name", None) == done
    assert judged == [1, 2, 3]
    assert len(study.trial(trial.number).user_attrs["scores"]) == 4


def test_of_several_objectives_no_point_is_stopped_between_its_seeds(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr("ferlab.sweep.workers.seed_pruning.behind", lambda *scores: "by far")
    several = "study.objective=[val/accuracy,parameters]"
    assert sweep(HERE, "study.name=o", "study.replicates=2", several, "optimizer.lr=0.05,0.1") == 0
    assert [trial.state.name for trial in trials(home, "o")] == ["COMPLETE"] * 2


def test_an_epoch_that_is_told_again_prunes_nothing(home: Path) -> None:
    study = shared(budget=12, pruner=MEDIAN)
    with study.liveness.at_work() as me:
        for _ in range(6):
            trial = study.next_trial(me, NEVER)
            assert trial is not None
            for epoch in range(1, 5):
                trial.report(0.6 if epoch == 4 else 0.2, epoch)
            study.optuna.tell(trial.number, 0.6)
        trial = study.next_trial(me, NEVER)
        assert trial is not None
        config = compose([*FAST, "trainer.max_epochs=4"])
        replicate = Replicate(study, trial, config, "name", None, 0)
        told = [{"val/accuracy": value} for value in (0.3, 0.4, 0.45, 0.5)]
        for epoch, metrics in enumerate(told, 1):  # never behind, but at its very end
            replicate._report(epoch, metrics)
        for epoch, metrics in enumerate(told, 1):  # its worker was killed, and another resumes
            replicate._report(epoch, metrics)


def test_behind_is_by_two_standard_errors_where_the_spread_is_known() -> None:
    others = [(0.70, 0.72), (0.62, 0.60), (0.50, 0.52), (0.42, 0.40), (0.30, 0.32)]
    assert behind([0.60], others, minimised=False)
    assert behind([0.69], others, minimised=False) is None  # within two standard errors
    assert behind([0.60], others, minimised=True)  # 0.30 is the best there
    assert behind([0.32], others, minimised=True) is None
    assert behind([0.60], others[:4], minimised=False) is None  # three degrees of freedom
    margin = 2 * np.sqrt(0.00096 / 4) * np.sqrt(2)  # by what trial and seed leave
    assert f"{margin:.4f}" in str(behind([0.60], others, minimised=False))


def test_the_worse_half_goes_no_further_where_seeds_are_halved(
    home: Path, oracles: Callable[..., int]
) -> None:
    halved = ("study.replicates=3", "study.seed_halving=true", "study.pruner=null")
    assert oracles("study.name=h", *halved, "model.right=0.8,0.95,0.1") == 0
    found = {trial.params["model.right"]: trial for trial in trials(home, "h")}
    seeds = {right: len(trial.user_attrs["scores"]) for right, trial in found.items()}
    assert seeds == {0.8: 3, 0.95: 3, 0.1: 1}  # the first has none to be compared with
    assert found[0.1].state.name == "PRUNED"
    assert found[0.1].user_attrs["why"].startswith("after 1 seed: ")
    assert "of 2 others that had as many" in found[0.1].user_attrs["why"]


@pytest.mark.parametrize(
    ("mine", "others", "goes_on"),
    [
        ([0.5], [], True),
        ([0.5], [[0.6]], False),
        ([0.5], [[0.4, 0.4, 0.4]], True),
        ([0.5], [[0.6], [0.4]], True),  # the second of three
        ([0.5], [[0.6], [0.7]], False),
        ([0.5, 0.5], [[0.1, 0.8, 0.9], [0.9]], True),  # of those that had two, over the same two
        ([0.5, 0.5], [[0.3, 0.8]], False),
        ([0.1, 0.1, 0.1], [[0.9, 0.9, 0.9]], True),  # no rung
        ([0.1, 0.1, 0.1, 0.1], [[0.9, 0.9, 0.9, 0.9]], False),
    ],
)
def test_rungs_are_halved_by_what_they_have_in_common(
    mine: list[float], others: list[list[float]], goes_on: bool
) -> None:
    assert (in_worse_half(mine, others, minimised=False) is None) is goes_on
    turned = [[1 - score for score in scores] for scores in others]
    assert (in_worse_half([1 - s for s in mine], turned, minimised=True) is None) is goes_on


@pytest.mark.parametrize(("replicates", "points"), [(3, 12), (4, 24), (8, 24)])
def test_halving_saves_a_third_and_loses_next_to_nothing(replicates: int, points: int) -> None:
    """Points 0.3 to 3 points apart under common seeds that leave 0.5 of each score."""
    rng, cost, lost, rounds = np.random.default_rng(0), 0, 0.0, 0
    for apart in (0.3, 1.0, 3.0):
        for _ in range(150):
            truth = rng.normal(0, apart, points)
            scores = truth[:, None] + rng.normal(0, 0.5, (points, replicates))
            scores += rng.normal(0, 0.5, replicates)  # of each seed, to all alike
            done: list[list[float]] = []
            for mine in scores.tolist():
                seeds = next(
                    (k for k in range(1, replicates) if in_worse_half(mine[:k], done, False)),
                    replicates,
                )
                done.append(mine[:seeds])
            cost += sum(map(len, done))
            whole = [i for i, mine in enumerate(done) if len(mine) == replicates]
            chosen = max(whole, key=lambda i: scores[i].mean())
            lost += truth[scores.mean(axis=1).argmax()] - truth[chosen]
            rounds += 1
    share, lost = cost / rounds / points / replicates, lost / rounds
    told = f"{points} points, {replicates} seeds: {share:.0%} of the runs, {lost:.3f} points lost"
    print(f"  {told}")  # noqa: T201
    assert share < 0.7
    assert lost < 0.02
