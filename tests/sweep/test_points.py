"""Sweeps of listed points: what is trained, and what a point has that it does not set."""

from pathlib import Path
from typing import Any

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import launching
from ferlab.errors import ConfigError
from ferlab.study.params import Params
from ferlab.sweep import plan
from ferlab.sweep.search.pins import Pinned
from tests.sweep.test_sweep import HERE, TINY, children, trials

LOSSES = "study.points=[{loss: focal}, {loss.label_smoothing: 0.1}, {loss: balanced_softmax}]"


def read(*overrides: str, arguments: tuple[str, ...] = ()) -> Pinned:
    _, config = launching(overrides)
    return plan.read_space(config, {}, {}, arguments)[0]


def listed(*overrides: str, arguments: tuple[str, ...] = ()) -> list[Params]:
    return list(read(*overrides, arguments=arguments).space.all_params())


def test_what_a_point_leaves_out_is_as_the_config_has_it_there() -> None:
    lr = [
        {"optimizer": name, "optimizer.lr": rate}
        for name, rate in [("sgd", 0.1), ("muon", 0.01), ("adamw", 0.002)]
    ]
    names = "{optimizer: sgd}, {optimizer: muon}, {optimizer: adamw}, {optimizer.lr: 0.3}"
    assert listed(f"study.points=[{names}]") == [*lr, {"optimizer": "sgd", "optimizer.lr": 0.3}]
    assert listed(LOSSES) == [
        {"loss": "focal", "loss.label_smoothing": 0.0},
        {"loss": "cross_entropy", "loss.label_smoothing": 0.1},
        {"loss": "balanced_softmax", "loss.label_smoothing": 0.0},
    ]


def test_lists_are_values() -> None:
    points = "study.points=[{trainer.resolutions: [24, 48]}, {trainer: {max_epochs: 3}}]"
    assert listed(points) == [
        {"trainer.resolutions": "[24,48]", "trainer.max_epochs": 12},
        {"trainer.resolutions": "[48]", "trainer.max_epochs": 3},
    ]


def test_the_baseline_is_the_first_and_none_comes_twice() -> None:
    pinned = read(LOSSES, "study.baseline={loss: cross_entropy}")
    points = list(pinned.space.all_params())
    assert points[0] == {"loss": "cross_entropy", "loss.label_smoothing": 0.0}
    assert pinned.baseline({"loss": "cross_entropy"}) == points[0]
    assert len(points) == 4
    assert len(listed(LOSSES, "study.baseline={loss: focal}")) == 3


def test_what_is_typed_holds_for_all_points() -> None:
    assert listed(LOSSES, arguments=("loss=focal",)) == [
        {"loss.label_smoothing": 0.0},
        {"loss.label_smoothing": 0.1},
    ]


@pytest.mark.parametrize(
    ("overrides", "arguments", "message"),
    [
        ([LOSSES], ["optimizer.lr=0.1,0.2"], "optimizer.lr: is swept, but study.points lists all"),
        ([LOSSES, "study.trials=3"], [], "study.points: lists all that is trained; leave out"),
        (["study.points=[{optimizer.momentum: 0.8}, {optimizer: adamw}]"], [],
         r"study.points\[1\].optimizer.momentum: is missing"),
        (["study.points=[]"], [], "study.points: "),
        (["study.points=7"], [], "study.points: "),
    ],
)  # fmt: skip
def test_points_that_cannot_be_trained_are_refused(
    overrides: list[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read(*overrides, arguments=tuple(arguments))
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_the_points_are_trained_in_order_and_more_of_them_go_on(home: Path) -> None:
    def sweep(points: str) -> list[Any]:
        fast = [*TINY[1:], "data.images=140", "trainer.max_epochs=1", "study.name=p"]
        given = f"study.points={points}"
        assert (
            command_line.main(["train", "-m", *fast, given, "study.baseline={seed: 0}", HERE]) == 0
        )
        return [trial.user_attrs["params"] for trial in trials(home, "p")]

    first = {"seed": 0, "loss.label_smoothing": 0.0}
    second = {"seed": 1, "loss.label_smoothing": 0.1}
    assert sweep("[{seed: 1, loss.label_smoothing: 0.1}]") == [first, second]
    third = {"seed": 1, "loss.label_smoothing": 0.0}
    assert sweep("[{seed: 1, loss.label_smoothing: 0.1}, {seed: 1}]") == [first, second, third]
    assert [trial.user_attrs["name"] for trial in trials(home, "p")] == [
        "unchanged",
        "seed 1, label_smoothing 0.1",
        "seed 1",
    ]
    assert [run.data.params["loss.label_smoothing"] for run in children("p")] == [
        "0.0",
        "0.1",
        "0.0",
    ]
