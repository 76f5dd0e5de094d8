"""What a network costs: counted, and timed."""

import statistics
import time

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


def latency(classifier: nn.Module, size: int = 48, rounds: int = 30) -> float:
    """Milliseconds to score one image, the median of some rounds, on the classifier's device.

    Args:
        classifier: uint8 (1, size, size) -> logits (1, classes), over all its views.
        size: of the image, in pixels.
        rounds: timed ones; a third as many go before, untimed.
    """
    device = next(classifier.parameters()).device
    was_training = classifier.training
    classifier.eval()
    image = torch.zeros(1, size, size, dtype=torch.uint8, device=device)
    seconds = []
    with torch.inference_mode():
        for _ in range(rounds + rounds // 3):
            started = time.perf_counter()
            classifier(image).cpu()  # waits for the device
            seconds.append(time.perf_counter() - started)
    classifier.train(was_training)
    return 1000 * statistics.median(seconds[-rounds:])
