"""What a network costs, counted and not timed."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def multiply_adds(network: nn.Module, size: int = 48) -> int:
    """Multiply-adds of convolutions and dense layers to score one grey image of ``size`` pixels.

    The network takes float (1, 1, size, size); it is left in the mode it was in.
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()  # batch norm cannot train on one image
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, size, size, device=device))
    network.train(was_training)
    return int(counter.get_total_flops()) // 2
