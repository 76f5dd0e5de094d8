"""Several objectives, limits on cost, and a declared baseline."""

from pathlib import Path

import pytest

from ferlab.config.study import Constraints
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.trial_configs import ComposedConfigs
from ferlab.sweep.workers.shared_study import SharedStudy
from tests.conftest import TINY
from tests.sweep.test_sweep import HERE, children, cli_report, runs, sweep, trials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made_store", "no_pictures")]

SWEPT = ("model.attention.kind=none,se", "model.attention.reduction=1,8")


def test_of_several_objectives_the_front_is_found(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objectives = "study.objective=[val/accuracy,parameters,latency]"
    assert sweep(HERE, "study.name=m", objectives, *SWEPT, "study.sampler.seed=1") == 0
    out = capsys.readouterr().out
    assert "4 of 4 trials count (4 complete, 0 pruned)" in out
    assert "front " in out
    for trial, run in zip(trials(home, "m"), children("m"), strict=True):
        metrics = run.data.metrics
        assert trial.values == [
            metrics["best/accuracy"],
            metrics["parameters"],
            metrics["latency_ms"],
        ]
        assert 0 < metrics["latency_ms"] < 1000
        assert metrics["latency_beside"] == trial.user_attrs["beside"] == 0
    assert cli_report("m", home) == 0
    told = "timed at the end of each run, with no other trial being trained on its machine."
    assert told in (home / "RESULTS.md").read_text()


def test_a_time_tells_how_many_others_trained_when_it_was_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the timing there are two others, after it one."""
    found = iter([2, 2, 1])
    monkeypatch.setattr(SharedStudy, "beside", lambda *_: next(found))
    arguments = ("study.objective=latency", "trainer.max_epochs=2", "optimizer.lr=choice(0.1)")
    assert sweep(HERE, "study.name=b", *arguments) == 0
    (run,), (trial,) = children("b"), trials(home, "b")
    assert run.data.metrics["latency_beside"] == trial.user_attrs["beside"] == 2
    assert cli_report("b", home) == 0
    assert "while 2 other trials were trained on its machine" in (home / "RESULTS.md").read_text()


def test_what_costs_too_much_is_never_trained(home: Path) -> None:
    plain, light, heavy = (
        _parameters(f"model.attention.kind={kind}", f"model.attention.reduction={reduction}")
        for kind, reduction in (("none", 8), ("se", 8), ("se", 1))
    )
    assert plain < light < heavy
    limit = f"study.constraints.parameters={light}"
    assert sweep(HERE, "study.name=c", limit, *SWEPT) == 0
    points = [t.params for t in trials(home, "c")]
    assert len(points) == 3  # of the grid's four, each once
    assert {"model.attention.kind": "se", "model.attention.reduction": 1} not in points
    (parent,) = runs(study="c", kind="study")
    assert parent.data.metrics["trials/complete"] == 3
    sampled = ("study.trials=4", "study.name=c2", "study/sampler=random", limit, *SWEPT)
    assert sweep(HERE, *sampled) == 0
    assert len(trials(home, "c2")) == 3  # there is no fourth one


def _parameters(*overrides: str) -> int:
    from ferlab.config.compose import compose
    from ferlab.models import classifier, cost

    config = compose([*TINY, *overrides])
    return cost.parameters(classifier.build(config.model.network(), 0.0, 1.0))


def test_multiply_adds_can_be_limited_and_no_limit_builds_nothing() -> None:
    none = Constraints(parameters=None, multiply_adds=None)
    assert Feasibility(none, ComposedConfigs(("model=no-such-model",)))({})
    few = Feasibility(Constraints(parameters=None, multiply_adds=1000), ComposedConfigs(TINY))
    many = Feasibility(Constraints(parameters=None, multiply_adds=10**9), ComposedConfigs(TINY))
    assert not few({})
    assert many({})


def test_the_views_that_a_model_scores_count_to_what_it_costs() -> None:
    from ferlab.config.compose import compose
    from ferlab.models import classifier, cost

    config = compose(TINY)
    once = cost.multiply_adds(classifier.build(config.model.network(), 0.0, 1.0).network)
    limits = Constraints(parameters=None, multiply_adds=2 * once)
    is_feasible = Feasibility(limits, ComposedConfigs(TINY))
    views = ("one", "flip", "shifts", "zooms", "ten_crop")
    assert [is_feasible({"trainer.views": name}) for name in views] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study.objective=[val/accuracy,test/f1]"], "a test metric would choose a model"),
        (["study.objective=[val/acuracy]"], "should be one of val/accuracy"),
        (["study.constraints.params=3"], "did you mean 'parameters'?"),
        (["study.baseline={optimizer.lr:0.3}"], "study.baseline.optimizer.lr: is never 0.3"),
        (["study.baseline.optimizer.lr=0.3"], "study.baseline.optimizer.lr: is never 0.3"),
        (["study.baseline={seed:1}"], "study.baseline.optimizer.lr: is missing"),
        (["study.replicates=2", "seed=0,1"], "seed: is swept already"),
        (["study.replicates=0"], "study.replicates: should be greater than or equal to 1"),
        (["study.constraints.parameters=3", "study.trials=null"], "no point"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(HERE, "optimizer.lr=0.05,0.1", *arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert not (home / "studies").exists()


def test_mistakes_of_the_study_and_of_its_runs_are_told_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mistakes = ("study.replicates=0", "optimizer.momentun=0.8")
    assert sweep(HERE, "optimizer.lr=0.05,0.1", *mistakes) == 1
    error = capsys.readouterr().err
    assert "config: 2 problems" in error
    assert "study.replicates: should be greater than or equal to 1" in error
    assert "optimizer.momentun: unknown key; did you mean 'momentum'?" in error
