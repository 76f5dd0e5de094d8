"""Small slips in what is typed: each is named, with the right form; none is passed over."""

from pathlib import Path

import pytest

from ferlab import cli as command_line
from ferlab.config.compose import compose, compose_typed
from ferlab.errors import ConfigError
from tests.config.test_sources import project


def told(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose_typed(overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        *(("epochs", "trainer.max_epochs"), ("max_epochs", "trainer.max_epochs")),
        *(("lr", "optimizer.lr"), ("learning_rate", "optimizer.lr"), ("bs", "trainer.batch_size")),
        *(("experiment", "experiments"), ("n_trials", "study.trials"), ("trials", "study.trials")),
        *(("reduction", "model.attention.reduction"), ("path", "data.path"), ("net", "model")),
        *(("trainer.lr", "optimizer.lr"), ("optimizer.epochs", "trainer.max_epochs")),
        *(("modle", "model"), ("optimizer.lrr", "lr"), ("flip", "augmentation.flip")),
        *(("early_stopping.patience", "trainer.early_stopping"), ("device", "trainer.device")),
    ],
)
def test_an_unknown_key_is_told_where_it_stands(typed: str, right: str) -> None:
    assert told(f"{typed}=1").endswith(f": unknown key; did you mean '{right}'?")


def test_an_experiment_that_sweeps_is_no_single_run(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["train", "experiments=quickstart"]) == 1
    assert capsys.readouterr().err == (
        "ferlab: config: experiments/quickstart.yaml: sweeps model.attention.kind and "
        "optimizer.lr, so it is not one run; ferlab sweep quickstart sweeps, and a single run has "
        "a value for each: model.attention.kind=... optimizer.lr=...\n"
    )
    assert not home.exists()


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        (["optimizer.lr=0.1"], "sweeps model.attention.kind,"),
        (
            ["optimizer.lr=0.1", "model.attention.kind=se"],
            "sweeps model.attention.reduction and model.attention.stages,",
        ),
        (
            ["optimizer.lr=0.1", "model.attention.kind=se", "model.attention.stages=[3]"],
            "sweeps model.attention.reduction,",
        ),
    ],
)
def test_a_single_run_of_it_has_a_value_for_each_key(typed: list[str], left: str) -> None:
    assert left in told("experiments=quickstart", *typed)


def test_a_single_run_of_a_sweep_may_be_typed() -> None:
    point = ["model.attention.kind=none", "optimizer.lr=0.1"]
    assert compose_typed(["experiments=quickstart", *point]).data.name == "faces"
    with pytest.raises(ConfigError, match=r"ferlab train -m sweeps"):
        compose_typed(["hydra.sweeper.params.seed='1,2'"])


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            ["model.attention.kind=eca", "model.attention.reduction=4"],
            "model.attention.reduction: belongs to se and cbam, and the attention is eca; leave it "
            "out, or say model.attention.kind=se",
        ),
        (["model.attention.reduction=4"], "and the attention is none; leave it out"),
        (["model.attention.stages=[1]"], "belongs to se, eca and cbam, and the attention is none"),
        (["model.attention.kind=se", "model.attention.kernel=3"], "belongs to eca, and the"),
    ],
)
def test_a_key_of_another_kind_of_attention_is_told(typed: list[str], words: str) -> None:
    assert words in told(*typed)
    compose(typed)  # a trial of several kinds has keys of all of them


@pytest.mark.parametrize(
    "head", ["", "#@package _global\n", "# @package global\n", "# asks\n\n# @package _global_\n"]
)
def test_an_experiment_without_its_package_is_told_by_name(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{head}trainer: {{max_epochs: 3}}\n"
    outer = "# @package _global_\ndefaults: [inner]\n"
    project(tmp_path / "mine", monkeypatch, experiments__inner=text, experiments__outer=outer)
    for name in ("inner", "outer"):
        message = told(f"experiments={name}", "optimizer.lrr=1").splitlines()
        assert (
            message[1].strip().startswith("experiments/inner.yaml: its first line must be '# @pa")
        )
        assert message[2].strip() == "optimizer.lrr: unknown key; did you mean 'lr'?"


def test_a_group_of_ones_own_that_ferlab_does_not_ask_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(
        tmp_path / "mine", monkeypatch, conf__experiment__a="seed: 1\n", conf__datas__b="c: 1\n"
    )
    assert "has no group 'experiment'; did you mean 'experiments'?" in told("experiment=a")
    assert "has no group 'datas'; did you mean 'data'?" in told("datas=b")
