"""Every point of a sweep is checked before anything is created."""

import time
from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.errors import ConfigError
from ferlab.study.params import overrides
from ferlab.sweep.search.point_check import PointConfigs, check_points
from ferlab.sweep.search.syntax import parse
from tests.conftest import TINY


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"optimizer.lr": "choice(0.1, abc)"}, "optimizer.lr: should be a valid number, not 'abc'"),
        ({"model": "choice(compact, foo)"}, "model: there is no 'foo'; known are"),
        (
            {"optimizer": "choice(sgd, adamw)", "optimizer.momentum": "choice(0.8, 0.9)"},
            "optimizer.momentum: unknown key; did you mean 'model.norm.momentum'? "
            "(with optimizer=adamw optimizer.momentum=0.8)",
        ),
        ({"optimizer.lrr": "choice(1, 2)"}, "optimizer.lrr: unknown key; did you mean 'lr'?"),
        (
            {
                "model.attention.kind": "choice(se, none)",
                "model.attention.stages": "choice([1],[9])",
            },
            "there is no stage 9",
        ),
        ({"optimizer.lr": "interval(-0.1, 0.1)"}, "optimizer.lr: should be greater than 0"),
        (
            {"seed": "interval(0.0, 1.0)", "model.stages.0.dropout": "choice(0.1, 1.5)"},
            "model.stages[0].dropout: should be less than 1",
        ),
        (
            {
                "seed": "range(0, 3000)",
                "model.attention.kind": "choice(none, se)",
                "model.attention.reduction": "choice(8, none)",
            },
            "model.attention.reduction: ",
        ),
    ],
)
def test_each_mistake_of_a_point_is_found(params: dict[str, str], told: str) -> None:
    when = {"model.attention.reduction": {"model.attention.kind": "se"}}
    when = {key: needs for key, needs in when.items() if key in params}
    with pytest.raises(ConfigError, match="config: ") as error:
        check_points(parse(params, when)[0], PointConfigs([]))
    assert told in str(error.value)


PARAMS = {
    "model": "choice(compact, tiny)",
    "optimizer.lr": "choice(0.1, 0.2)",
    "model.stages.0.dropout": "choice(0.1,0.2)",
    "model.attention.kind": "choice(none, se, cbam)",
    "model.attention.stages": "choice([1], [2,3], all)",
    "trainer.gradient_clip": "null,1.5",
}


def test_what_is_checked_is_the_config_that_will_be_trained() -> None:
    """Few points are composed; what comes of the others must be the same."""
    space, checker = parse(PARAMS, {})[0], PointConfigs([])
    points = list(space.all_params())
    for params in points[::17]:
        assert checker(params) == compose(overrides(params))
    assert len(checker._composed) == 2


def test_a_thousand_points_take_seconds() -> None:
    space = parse({"seed": "range(0, 1000)"}, {})[0]
    used = time.process_time()
    check_points(space, PointConfigs([]))
    assert time.process_time() - used < 30


@pytest.mark.parametrize(
    "swept",
    [["optimizer.lr=0.1,abc"], ["model=compact,foo"], ["optimizer._target_=torch.optim.SGD,x"]],
)
def test_a_sweep_with_a_mistake_creates_nothing(
    swept: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["train", "-m", *TINY, *swept]) == 1
    assert capsys.readouterr().err.startswith("ferlab: config: ")
    assert not home.exists()
