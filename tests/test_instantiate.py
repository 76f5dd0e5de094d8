"""What a config may call, and what it may not."""

import sys
from typing import Any

import pytest
import torch

from ferlab import instantiate
from ferlab.errors import ConfigError


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "antigravity.geohash",
        "ferlab.tracking.environment.version",  # ours, but nothing to build a run from
        "ferlabx.evil",
        "torch.load",
        "torch.optimx.SGD",
        "torch.optim.lr_scheduler.partial",  # borrowed from functools
    ],
)
def test_what_is_not_ours_is_refused_by_name_and_not_imported(target: str) -> None:
    with pytest.raises(ConfigError, match="wants to call"):
        instantiate.call({"_target_": target})
    assert "antigravity" not in sys.modules


def test_torch_optimizers_and_own_targets_are_trusted() -> None:
    weights = [torch.zeros(1, requires_grad=True)]
    optimizer = instantiate.call({"_target_": "torch.optim.NAdam", "lr": 0.5}, params=weights)
    assert isinstance(optimizer, torch.optim.NAdam)
    schedule = {"_target_": "ferlab.training.schedule.constant"}
    instantiate.call(schedule, optimizer=optimizer, steps=3)


def test_a_user_vouches_by_argument_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"_target_": "fractions.Fraction", "numerator": 1, "denominator": 2}
    with pytest.raises(ConfigError, match="FERLAB_ALLOW=fractions"):
        instantiate.call(config)
    assert instantiate.call(config, allow=["fractions.Fraction"]) == 0.5
    monkeypatch.setenv("FERLAB_ALLOW", "decimal,fractions")
    assert instantiate.call(config) == 0.5


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"_target_": "torch.optim.Nope"}, "cannot be imported"),
        ({"_target_": "torch.optim.SGD", "rate": 1, "params": []}, "cannot be called"),
        ({"_target_": "torch.optim.lr_scheduler"}, "not a class or function"),
        ({"_target_": ["torch.optim.SGD"]}, "has no _target_"),
        ({"width": 3}, "has no _target_"),
        (["torch.optim.SGD"], "has no _target_"),
    ],
)
def test_what_cannot_be_called_says_why(config: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        instantiate.call(config)
