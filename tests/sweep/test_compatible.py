"""Search spaces as hydra-optuna-sweeper 1.3 takes them: pasted in, they mean the same.

But a range leaves its end out, as Hydra documents it.
"""

import pytest
import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ferlab.config.compose import compose
from ferlab.study.params import overrides
from ferlab.sweep.search.syntax import parse

BLOCK = """
  model: choice(compact, 'vgg')
  optimizer.lr: tag(log, interval(0.0001, 0.1))
  optimizer.weight_decay: interval(0.0, 0.1)
  trainer.batch_size: choice(32, 64, 128)
  trainer.max_epochs: range(4, 12, step=4)
  model.stages.2.dropout: range(0.0, 0.5, step=0.25)
  model.attention.kind: choice(none, se)
  model.attention.reduction: tag(log, int(interval(2, 16)))
  model.attention.stages: choice([1], [1,2], all)
  trainer.threads: int(interval(1, 4))
  trainer.gradient_clip: null,1.5
  data.fold: 2
"""
MEANT: dict[str, BaseDistribution] = {
    "model": CategoricalDistribution(["compact", "vgg"]),
    "optimizer.lr": FloatDistribution(0.0001, 0.1, log=True),
    "optimizer.weight_decay": FloatDistribution(0.0, 0.1),
    "trainer.batch_size": CategoricalDistribution([32, 64, 128]),
    "trainer.max_epochs": IntDistribution(4, 8, step=4),
    "model.stages.2.dropout": FloatDistribution(0.0, 0.25, step=0.25),
    "model.attention.kind": CategoricalDistribution(["none", "se"]),
    "model.attention.reduction": IntDistribution(2, 16, log=True),
    "model.attention.stages": CategoricalDistribution(["[1]", "[1,2]", "all"]),
    "trainer.threads": IntDistribution(1, 4),
    "trainer.gradient_clip": CategoricalDistribution([None, 1.5]),
}
"""What that sweeper makes of the block, in today's Optuna; but it has 'null', a text, for null."""


def test_a_params_block_means_what_it_meant() -> None:
    space, shared = parse(yaml.safe_load(BLOCK), {})
    assert {param.key: param.distribution for param in space.parameters} == MEANT
    assert shared == ["data.fold=2"]


def test_the_same_on_the_command_line_and_there_it_goes_before_the_file() -> None:
    typed = [f"{key}={value}" for key, value in yaml.safe_load(BLOCK).items()]
    space, shared = parse({"data.fold": "choice(0, 1)", "optimizer.lr": 0.5}, {}, typed)
    assert {param.key: param.distribution for param in space.parameters} == MEANT
    assert shared == ["data.fold=2"]


@pytest.mark.parametrize("last", [False, True])
def test_each_value_arrives_in_the_run_as_what_it_is(last: bool) -> None:
    space, shared = parse(yaml.safe_load(BLOCK), {})

    def choose(key: str) -> object:
        distribution = MEANT[key]
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[-1 if last else 0]
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        return distribution.high if last else distribution.low

    params = space.draw(lambda param: choose(param.key))  # type: ignore[arg-type,return-value]
    config = compose([*shared, *overrides(params)]).plain()
    assert config["model"]["name"] == ("vgg" if last else "compact")
    placed = {"kind": "se", "reduction": 16, "stages": "all"}
    attention = config["model"]["attention"]
    assert attention == ({**attention, **placed} if last else {"kind": "none"})
    assert config["optimizer"]["lr"] == (0.1 if last else 0.0001)
    assert config["optimizer"]["weight_decay"] == (0.1 if last else 0.0)
    assert config["trainer"]["max_epochs"] == (8 if last else 4)
    assert config["trainer"]["gradient_clip"] == (1.5 if last else None)
    assert config["data"]["fold"] == 2
