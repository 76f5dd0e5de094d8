"""The convolutional block attention module against its equations, by arithmetic."""

import math

import pytest
import torch

from ferlab.models.attention.cbam import CBAM


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_it_follows_its_equations() -> None:
    """Two channels of 1 x 2 pixels: (1, 3) and (0, -2); one hidden unit; every weight by hand."""
    cbam = CBAM(2, 2)
    first, last = cbam.shared[0], cbam.shared[2]
    first.weight.data = torch.tensor([[1.0, 0.5]])
    first.bias.data = torch.tensor([-0.25])
    last.weight.data = torch.tensor([[1.0], [-1.0]])
    last.bias.data = torch.tensor([0.0, 0.5])
    kernel = torch.zeros(1, 2, 7, 7)
    kernel[0, 0, 3, 3], kernel[0, 1, 3, 3], kernel[0, 1, 3, 4] = 1.0, -1.0, 2.0
    cbam.spatial.weight.data = kernel
    maps = torch.tensor([[[[1.0, 3.0]], [[0.0, -2.0]]]])

    hidden_of_means = max(0.0, 2 * 1 - 1 * 0.5 - 0.25)  # 1.25; the means are 2 and -1
    hidden_of_maxima = max(0.0, 3 * 1 + 0 * 0.5 - 0.25)  # 2.75; the maxima are 3 and 0
    both = hidden_of_means + hidden_of_maxima  # 4: the last layer is applied to each, and its bias
    channel = [sigmoid(both), sigmoid(-both + 2 * 0.5)]
    one = [1 * channel[0], 3 * channel[0]]
    two = [0 * channel[1], -2 * channel[1]]
    means = [(a + b) / 2 for a, b in zip(one, two, strict=True)]
    maxima = [max(a, b) for a, b in zip(one, two, strict=True)]
    # Of the maxima, a pixel's own counts -1 and its right neighbour's 2; beyond the edge is 0.
    pixel = [sigmoid(means[0] - maxima[0] + 2 * maxima[1]), sigmoid(means[1] - maxima[1])]
    expected = [[a * g for a, g in zip(row, pixel, strict=True)] for row in (one, two)]
    torch.testing.assert_close(cbam(maps)[0, :, 0], torch.tensor(expected))


def test_its_parameters_are_counted_by_hand() -> None:
    dense = 64 * 4 + 4 + 4 * 64 + 64
    assert sum(p.numel() for p in CBAM(64, 16).parameters()) == dense + 2 * 7 * 7


def test_a_reduction_must_leave_a_unit() -> None:
    with pytest.raises(ValueError, match="reduction 5 leaves no hidden unit of 4 channels"):
        CBAM(4, 5)
