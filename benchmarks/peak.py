"""The share of the machine's matrix-product peak that a training step of each preset reaches."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import torch
from torch.nn.functional import cross_entropy

from benchmarks.measure import TrialRow, compare
from ferlab.config.compose import compose
from ferlab.models import classifier, cost
from ferlab.training.assemble import on_this_machine

BATCH = 128
EDGE = 2048
"""Of the square matrices whose product is the peak."""


def rows() -> Iterator[TrialRow]:
    """A row for each preset that a CPU can train."""
    for model in ("compact", "small", "tiny", "seed", "seed_notebook"):
        for precision in _precisions():
            yield compare(
                f"training step, `{model}`, {precision}",
                f"product of two {EDGE}x{EDGE} matrices",
                partial(_step, model, precision),
                partial(_product, precision),
                "GFLOP/s",
                "",
            )


def _precisions() -> list[str]:
    best = on_this_machine(compose(["trainer.device=cpu", "trainer.precision=auto"]))
    return list(dict.fromkeys(["32-true", best.trainer.precision]))


def _step(model: str, precision: str) -> float:
    """Forward, backward and update; its arithmetic is reckoned as three times forward's."""
    config = compose([f"model={model}"]).with_classes(7)
    network = classifier.build(config.model.network(), 0.5, 0.25).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    images, labels = torch.rand(BATCH, 1, 48, 48), torch.randint(0, 7, (BATCH,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = cross_entropy(network.score(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()

    return 3 * 2 * cost.multiply_adds(network.network) * BATCH / _seconds(step) / 1e9


def _product(precision: str) -> float:
    matrix = torch.rand(EDGE, EDGE).to(torch.bfloat16 if "bf16" in precision else torch.float32)
    return 2 * EDGE**3 / _seconds(partial(torch.mm, matrix, matrix)) / 1e9


def _seconds(once: Callable[[], object], rounds: int = 12) -> float:
    """Median seconds, after a third as many rounds untimed."""
    seconds = []
    for _ in range(rounds + rounds // 3):
        started = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - started)
    return median(seconds[-rounds:])
