"""A network's weights as safetensors: plain tensors, nothing pickled."""

from collections.abc import Mapping

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor


def weights_as_bytes(state: Mapping[str, Tensor]) -> bytes:
    """A ``state_dict`` as safetensors; tensors that share memory are written once per name."""
    # safetensors wants every tensor contiguous and in memory of its own.
    return to_bytes(
        {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in state.items()
        }
    )
