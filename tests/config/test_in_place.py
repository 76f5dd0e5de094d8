"""A ``_target_`` that is named in place of a group's takes its place, arguments and all."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from ferlab.config.compose import compose, launching
from ferlab.errors import ConfigError


def study(*overrides: str) -> Any:
    _, config = launching(overrides)
    return OmegaConf.to_container(config.study)


@pytest.mark.parametrize(
    ("overrides", "part", "expected"),
    [
        (
            ["study.sampler={_target_: optuna.samplers.RandomSampler}"],
            "sampler",
            {"_target_": "optuna.samplers.RandomSampler"},
        ),
        (
            ["study.sampler._target_=optuna.samplers.GPSampler", "study.sampler.seed=3"],
            "sampler",
            {"_target_": "optuna.samplers.GPSampler", "seed": 3},
        ),
        (
            ["study/sampler=random", "study.sampler._target_=optuna.samplers.QMCSampler"],
            "sampler",
            {"_target_": "optuna.samplers.QMCSampler"},
        ),
        (
            ["study.pruner={_target_: optuna.pruners.HyperbandPruner, max_resource: 4}"],
            "pruner",
            {"_target_": "optuna.pruners.HyperbandPruner", "max_resource": 4},
        ),
        (
            ["study.pruner._target_=optuna.pruners.NopPruner"],
            "pruner",
            {"_target_": "optuna.pruners.NopPruner"},
        ),
        (  # the same as in the file: its arguments stay
            ["study.pruner={_target_: optuna.pruners.MedianPruner, n_startup_trials: 9}"],
            "pruner",
            {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 9, "n_warmup_steps": 2},
        ),
        (["study.pruner=null"], "pruner", None),
    ],
)
def test_another_sampler_or_pruner_drops_the_defaults_arguments(
    overrides: list[str], part: str, expected: Any
) -> None:
    assert study(*overrides)[part] == expected


def test_the_same_in_an_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults: [override /optimizer: adamw, override /study/sampler: random]\n"
        "study: {sampler: {_target_: optuna.samplers.TPESampler, n_startup_trials: 3}}\n"
        "optimizer: {_target_: torch.optim.Adam, lr: 0.003}\n"
        "scheduler: {_target_: mine.linear, end: 0.1}\n"
        "model: {_target_: mine.Net, width: 3}\n"
        "data: {_target_: mine.load, size: 9}\n"
    )
    monkeypatch.chdir(tmp_path)
    config = compose(["experiments=mine"]).plain()
    assert config["optimizer"] == {"_target_": "torch.optim.Adam", "lr": 0.003}
    assert config["scheduler"] == {"_target_": "mine.linear", "end": 0.1}
    assert config["model"] == {
        "_target_": "mine.Net", "name": "compact", "classes": "auto", "width": 3
    }  # fmt: skip
    data = config["data"]
    assert {key: data[key] for key in ("_target_", "split", "size")} == {
        "_target_": "mine.load", "split": "official", "size": 9
    }  # fmt: skip
    assert not {"images", "noise"} & data.keys()
    sampler = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3}
    assert study("experiments=mine")["sampler"] == sampler


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["optimizer._target_=torch.optim.Adam"], {"_target_": "torch.optim.Adam"}),
        (
            ["optimizer._target_=torch.optim.NAdam", "optimizer.lr=0.1"],
            {"_target_": "torch.optim.NAdam", "lr": 0.1},
        ),
        (
            ["optimizer=adamw", "optimizer.lr=0.5"],
            {"_target_": "torch.optim.AdamW", "lr": 0.5, "weight_decay": 0.05},
        ),
    ],
)
def test_another_optimizer_drops_the_defaults_arguments(
    overrides: list[str], expected: dict[str, Any]
) -> None:
    assert compose(overrides).plain()["optimizer"] == expected


def test_what_the_new_part_lacks_is_told() -> None:
    with pytest.raises(ConfigError, match=r"model\.stages: is required"):
        compose(["model._target_=ferlab.models.resnet.ResNet"])
