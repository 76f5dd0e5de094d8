"""Ensembles, mean weights and recomputed statistics, by arithmetic."""

import math

import pytest
import torch
from torch import Tensor, nn

from ferlab.models.classifier import Classifier
from ferlab.models.ensemble import Ensemble, mean_weights, recompute_statistics


class Constant(nn.Module):
    """Says the same of every image."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


def ensemble(*logits: tuple[float, ...]) -> Tensor:
    members = [Classifier(Constant(*each), 0.0, 1.0) for each in logits]
    with torch.no_grad():
        scored: Tensor = Ensemble(members)(torch.zeros(2, 48, 48, dtype=torch.uint8))
    return scored


def test_probabilities_are_averaged_and_not_logits() -> None:
    """1 : 1 and 9 : 1 are 0.5 and 0.9, of which the mean is 0.7; the logits' would be 3 : 1."""
    scored = ensemble((0.0, 0.0), (math.log(9), 0.0))
    expected = torch.tensor([[0.7, 0.3]]).expand(2, 2)
    torch.testing.assert_close(scored.exp(), expected)
    torch.testing.assert_close(scored.softmax(dim=1), expected)


def test_what_one_member_rules_out_another_may_still_say() -> None:
    """A float32 has no probability of e ** -200, but a mean of 0 and 1 is a half."""
    scored = ensemble((0.0, 200.0), (200.0, 0.0))
    torch.testing.assert_close(scored, torch.full((2, 2), math.log(0.5)))
    certain = ensemble((0.0, 200.0), (0.0, 200.0))
    torch.testing.assert_close(certain[0], torch.tensor([-200.0, 0.0]))


def test_weights_are_averaged_and_what_counts_is_not() -> None:
    states = [
        {"weight": torch.tensor([value, -1.0]), "steps": torch.tensor(steps)}
        for value, steps in ((1.0, 7), (2.0, 8), (6.0, 9))
    ]
    mean = mean_weights(states)
    assert mean["weight"].tolist() == [3.0, -1.0]
    assert mean["weight"].dtype == torch.float32
    assert mean["steps"].tolist() == 7


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_mean_of_a_networks_weights_with_themselves_is_the_same_to_the_last_bit(
    count: int,
) -> None:
    state = nn.Linear(30, 30).state_dict()
    mean = mean_weights([state] * count)
    assert all(torch.equal(mean[name], tensor) for name, tensor in state.items())


def test_statistics_are_those_of_the_images_and_dropout_has_no_part_in_them() -> None:
    """0, 2 and 4, 10: the means are 1 and 7, the variances 2 and 18; on average 4 and 10."""
    norm = nn.BatchNorm1d(1, momentum=0.3)
    network = nn.Sequential(nn.Dropout(0.5), norm)
    recompute_statistics(network, iter([torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [10]])]))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert (norm.running_mean.item(), norm.running_var.item()) == (4.0, 10.0)
    assert norm.momentum == 0.3
    assert not any(module.training for module in network.modules())


def test_a_network_without_batch_normalisation_reads_no_image() -> None:
    batches = iter([torch.zeros(2, 3)])
    recompute_statistics(nn.Linear(3, 3), batches)
    assert next(batches).shape == (2, 3)
