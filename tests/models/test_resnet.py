"""The residual network: its layers, its sum, and the places of attention in it."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from ferlab.config.compose import compose
from ferlab.errors import ConfigError
from ferlab.models.attention.se import SqueezeExcitation
from ferlab.models.cost import parameters
from ferlab.models.resnet import Block, Projection, ResNet

STEM = {"width": 8, "kernel": 3, "stride": 1}
SMALL = [{"width": 8, "blocks": 2, "stride": 1}, {"width": 16, "blocks": 1, "stride": 2}]
SE = {"kind": "se", "reduction": 4, "bias": True, "final_relu": False}


def small(attention: Mapping[str, Any] | None = None) -> ResNet:
    off = attention or {"kind": "none"}
    return ResNet(classes=7, stem=STEM, stages=SMALL, dropout=0.0, attention=off)


def test_it_has_the_18_layers_and_their_parameters() -> None:
    config = compose(["model=resnet"]).model.network()
    network = ResNet(**{key: value for key, value in config.items() if key != "_target_"})
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sum(m.kernel_size == (3, 3) for m in convolutions) + 1 == 18  # and a dense one
    # As widely known of 3 colours and 10 classes: 11,173,962.
    assert parameters(network) == 11_173_962 - 2 * 64 * 9 - 3 * 513


def test_a_stem_with_a_stride_halves_the_first_stage() -> None:
    """And where its width is not the first stage's, that stage begins with a projection."""
    config = compose(["model=resnet", "model.stem={width: 32, kernel: 5, stride: 2}"]).model
    network = ResNet(**{k: v for k, v in config.network().items() if k != "_target_"})
    assert network.stem(torch.zeros(1, 1, 48, 48)).shape == (1, 32, 24, 24)
    assert network.stages[0](torch.zeros(1, 32, 24, 24)).shape == (1, 64, 24, 24)
    assert len(network.stages[0][0].shortcut) == 2  # type: ignore[index]


def test_a_stem_of_an_even_kernel_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model.stem.kernel: must be odd .*, not 4"):
        compose(["model=resnet", "model.stem.kernel=4"])


def test_a_block_adds_what_came_in() -> None:
    torch.manual_seed(0)
    block = Block(4, 4, 1).eval()
    maps = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(block(maps), torch.relu(block.residual(maps) + maps))
    nn.init.zeros_(block.residual[-1].weight)  # type: ignore[arg-type]
    torch.testing.assert_close(block(maps), torch.relu(maps))
    assert Block(4, 8, 2)(maps).shape == (2, 8, 3, 3)
    assert len(Block(4, 8, 2).shortcut) == 2


def test_a_block_draws_no_weights_but_its_own() -> None:
    torch.manual_seed(0)
    Block(8, 8, 1)
    then = torch.rand(1)
    torch.manual_seed(0)
    for _ in range(2):
        nn.Conv2d(8, 8, 3, bias=False)
    assert then == torch.rand(1)


@pytest.mark.parametrize("channels", [8, 16])
def test_a_projection_is_a_convolution_of_its_stride(channels: int) -> None:
    projection = Projection(channels, 24, 2)
    maps = torch.randn(2, channels, 5, 5)
    strided = nn.functional.conv2d(maps, projection.weight, stride=2)
    torch.testing.assert_close(projection(maps), strided)


def test_attention_rescales_the_residual_and_not_the_sum() -> None:
    torch.manual_seed(0)
    gate = SqueezeExcitation(4, 2)
    block, plain = Block(4, 4, 1, gate).eval(), Block(4, 4, 1).eval()
    plain.load_state_dict({k: v for k, v in block.state_dict().items() if "residual.5" not in k})
    maps = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(block(maps), torch.relu(gate(plain.residual(maps)) + maps))


@pytest.mark.parametrize(
    ("placed", "where"),
    [
        ({"position": "residual", "stages": "all"}, ["1.0", "1.1", "2.0"]),
        ({"position": "residual", "stages": [2]}, ["2.0"]),
        ({"position": "stage", "stages": "all"}, ["1.2", "2.1"]),
        ({"position": "stage", "stages": [1]}, ["1.2"]),
    ],
)
def test_attention_stands_where_it_is_told(placed: dict[str, Any], where: list[str]) -> None:
    network = small({**SE, **placed})
    found = [n for n, m in network.stages.named_modules() if isinstance(m, SqueezeExcitation)]
    assert [".".join(name.split(".")[:2]) for name in found] == where
    assert network(torch.randn(2, 1, 48, 48)).shape == (2, 7)


def test_a_network_is_asked_for_the_positions_it_has_only() -> None:
    with pytest.raises(ConfigError, match="cannot be 'pool'; known are residual, stage"):
        compose(["model=resnet", "model.attention.kind=se", "model.attention.position=pool"])
    with pytest.raises(ConfigError, match="leaves no hidden unit in stage 1 of 64 channels"):
        compose(["model=resnet", "model.attention.kind=se", "model.attention.reduction=65"])
