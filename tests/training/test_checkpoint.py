"""What is written can be gone on from, whatever the network's tensors are like in memory."""

from pathlib import Path

import torch
from torch import nn

from ferlab.training import checkpoint


class Tied(nn.Module):
    """A module that is registered twice, and a weight that two modules share."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.twin = self.convolution
        self.encode = nn.Linear(6, 6)
        self.decode = nn.Linear(6, 6)
        self.decode.weight = self.encode.weight


def test_shared_weights_come_back_under_each_of_their_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    before, after = Tied().to(memory_format=torch.channels_last), Tied()
    checkpoint.save_weights(tmp_path / checkpoint.BEST, before.state_dict())
    weights = checkpoint.load_weights(tmp_path / checkpoint.BEST)
    assert list(weights) == sorted(before.state_dict())
    after.load_state_dict(weights)
    for name, tensor in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], tensor)
    assert after.decode.weight is after.encode.weight
