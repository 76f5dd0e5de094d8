"""Muon for the kernels and matrices inside a network, AdamW for the rest."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan's quintic iteration, by which singular values soon come near 1."""

_ITERATIONS = 5

_RMS = 0.2
"""Root mean square of an AdamW update as a share of the learning rate (Liu et al. 2025)."""


class MuonAdamW(AdamW):
    """Muon (Jordan et al. 2024): steps along the orthogonalised average of the gradients.

    Torch's takes matrices alone. Here a convolution's kernel is one of shape (out, in * h * w); the
    first convolution, the last dense layer, and all vectors are AdamW's. Steps are as large as
    AdamW's (Liu et al. 2025, "Muon is Scalable for LLM Training"), so both have one learning rate.

    Args:
        params: trainable parameters, in the network's order.
        lr: learning rate.
        momentum: of Muon's average of gradients, with Nesterov's look ahead.
        weight_decay: share of a weight, times the learning rate, that a step takes off.
    """

    def __init__(
        self, params: Sequence[nn.Parameter], lr: float, momentum: float, weight_decay: float
    ) -> None:
        matrices = [p for p in params if p.dim() in (2, 4)][1:-1]
        chosen = set(map(id, matrices))
        groups: list[dict[str, Any]] = [
            {"params": matrices, "momentum": momentum},
            {"params": [p for p in params if id(p) not in chosen]},
        ]
        super().__init__(groups, lr=lr, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step, on the gradients that the closure leaves."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if "momentum" in group:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._take(parameter, parameter.grad, group)
                        parameter.grad = None  # AdamW leaves it alone then
        super().step()
        return loss

    def _take(self, parameter: nn.Parameter, grad: Tensor, group: dict[str, Any]) -> None:
        state, lr = self.state[parameter], group["lr"]
        if not state:  # named as AdamW's, which loads them
            state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(parameter)}
        state["step"] += 1
        state["exp_avg"].lerp_(grad, 1 - group["momentum"])
        ahead = grad.lerp(state["exp_avg"], group["momentum"]).flatten(1)
        size = _RMS * max(ahead.shape) ** 0.5
        parameter.mul_(1 - lr * group["weight_decay"])
        parameter.add_(orthogonalised(ahead).view(parameter.shape), alpha=-lr * size)


def orthogonalised(matrix: Tensor) -> Tensor:
    """About U V^T of a matrix U S V^T: its singular values made 0.7 to 1.2; (m, n) -> the same."""
    a, b, c = _NEWTON_SCHULZ
    x = matrix.bfloat16() if matrix.is_cuda else matrix  # which are fast on a GPU alone
    x = x / x.norm().clamp(min=1e-7)
    is_tall = len(x) > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if is_tall else x).to(matrix.dtype)
