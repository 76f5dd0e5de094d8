"""Checkpoints of a run: written whole or not at all, and without pickled code."""

import io
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ferlab.draft import drafted
from ferlab.models.weights import weights_as_bytes

LAST = "last.ckpt"
BEST = "best.safetensors"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors in plain containers."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    _write(path, buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote, to the CPU; nothing in it is executed."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write named tensors as safetensors."""
    _write(path, weights_as_bytes(weights))


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors, to the CPU."""
    return load_file(path)


def _write(path: Path, data: bytes | memoryview) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with drafted(path) as draft:
        draft.write_bytes(data)
