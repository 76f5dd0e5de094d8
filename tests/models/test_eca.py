"""Efficient channel attention against its equations, by arithmetic."""

import pytest
import torch

from ferlab.config.compose import compose
from ferlab.errors import ConfigError
from ferlab.models.attention.eca import EfficientChannelAttention, adaptive_kernel


def sigmoid(value: float) -> float:
    return 1 / (1 + 2.718281828459045**-value)


def test_eca_follows_its_equations() -> None:
    """Channel means 1, 2, 4 and a kernel (1, 0.5, -1): a gate sees one neighbour on each side."""
    eca = EfficientChannelAttention(3, 3)
    eca.mix.weight.data = torch.tensor([[[1.0, 0.5, -1.0]]])
    maps = torch.tensor([[[[0.0, 2.0]], [[1.0, 3.0]], [[4.0, 4.0]]]])  # (1, 3, 1, 2)
    gates = [sigmoid(0.5 * 1 - 2), sigmoid(1 + 0.5 * 2 - 4), sigmoid(2 + 0.5 * 4)]
    expected = [[0, 2 * gates[0]], [1 * gates[1], 3 * gates[1]], [4 * gates[2], 4 * gates[2]]]
    torch.testing.assert_close(eca(maps)[0, :, 0], torch.tensor(expected))


@pytest.mark.parametrize(
    ("channels", "kernel"), [(16, 3), (64, 3), (128, 5), (256, 5), (512, 5), (2048, 7), (1, 1)]
)
def test_ecas_kernel_grows_with_the_channels(channels: int, kernel: int) -> None:
    """By hand: (log2 128 + 1) / 2 = 4, between 3 and 5; (log2 256 + 1) / 2 = 4.5, next to 5."""
    assert adaptive_kernel(channels) == kernel
    assert sum(p.numel() for p in EfficientChannelAttention(channels).parameters()) == kernel


def test_ecas_kernel_can_be_given_and_must_be_odd() -> None:
    assert EfficientChannelAttention(64, 7).mix.kernel_size == (7,)
    eca = ("model.attention.kind=eca", "model.attention.stages=[2]")
    typed = compose([*eca, "model.attention.kernel=7"]).plain()["model"]["attention"]
    assert typed == {"kind": "eca", "stages": [2], "position": "conv", "kernel": 7}
    for wrong in (4, 0, "wide"):
        with pytest.raises(ConfigError, match=r"attention\.kernel: should be auto or an odd num"):
            compose([*eca, f"model.attention.kernel={wrong}"])
