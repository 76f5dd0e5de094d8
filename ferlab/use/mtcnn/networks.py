"""The three networks of MTCNN, with the weights that the package ``mtcnn`` brings.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks". The package itself runs them on TensorFlow, which is neither needed nor
imported here: only its files are read.
"""

import hashlib
import io
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ferlab.errors import FerlabError
from ferlab.use.extra import EXTRA

_GET_IT = f"{EXTRA}; an image that is a face is read without, by --face whole"

_DIGESTS = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
"""SHA-256 of each file of weights in mtcnn 1.0.0. No other is read, for joblib unpickles them."""


class Networks(NamedTuple):
    """The stages of the cascade. They take squares of RGB in [-1, 1].

    Each returns, as shares of the square's side, how far to move its left, top, right and bottom
    edge to have the face; and last the probability that there is one.

    Attributes:
        propose: (1, 3, h, w) -> (1, 4, h', w'), (1, h', w'), for squares of 12x12 pixels, each two
            pixels from the next.
        refine: (n, 3, 24, 24) -> (n, 4), (n,).
        decide: (n, 3, 48, 48) -> (n, 4), landmarks (n, 10), (n,). The landmarks are five x and then
            five y, from the square's corner: left eye, right eye, nose, corners of the mouth.
    """

    propose: nn.Module
    refine: nn.Module
    decide: nn.Module


class _Stage(nn.Module):
    def __init__(self, body: list[nn.Module], heads: list[nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.heads = nn.ModuleList(heads)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        seen = self.body(pixels.contiguous(memory_format=torch.channels_last))  # twice as fast
        *places, logits = (head(seen) for head in self.heads)
        return [*places, logits.softmax(dim=1)[:, 1]]


class _Flatten(nn.Module):
    """(n, C, h, w) -> (n, w * h * C): the order in which Caffe, and so the weights, have it."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 3, 2, 1).flatten(1)


def _conv(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel), nn.PReLU(outputs)]


def _pool(kernel: int, *, whole: bool = False) -> nn.Module:
    """Stride 2; what is left at the right and lower edge is seen unless ``whole``."""
    return nn.MaxPool2d(kernel, 2, ceil_mode=not whole)


def load_networks() -> Networks:
    """Build the three, ready to use.

    Raises:
        FerlabError: mtcnn is not installed, or is another version.
    """
    propose = [*_conv(3, 10, 3), _pool(2), *_conv(10, 16, 3), *_conv(16, 32, 3)]
    refine = [*_conv(3, 28, 3), _pool(3), *_conv(28, 48, 3), _pool(3, whole=True)]
    refine += [*_conv(48, 64, 2), _Flatten(), nn.Linear(576, 128), nn.PReLU(128)]
    decide = [*_conv(3, 32, 3), _pool(3), *_conv(32, 64, 3), _pool(3, whole=True)]
    decide += [*_conv(64, 64, 3), _pool(2), *_conv(64, 128, 2)]
    decide += [_Flatten(), nn.Linear(1152, 256), nn.PReLU(256)]
    return Networks(
        _with_weights("pnet", _Stage(propose, [nn.Conv2d(32, n, 1) for n in (4, 2)])),
        _with_weights("rnet", _Stage(refine, [nn.Linear(128, n) for n in (4, 2)])),
        _with_weights("onet", _Stage(decide, [nn.Linear(256, n) for n in (4, 10, 2)])),
    )


def _with_weights(name: str, stage: _Stage) -> _Stage:
    for parameter, array in zip(stage.parameters(), _read(name), strict=True):
        value = torch.from_numpy(array)
        if value.dim() == 4:  # Keras has (h, w, in, out)
            value = value.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        parameter.data = value.t() if value.dim() == 2 else value.reshape_as(parameter)
    return stage.eval().requires_grad_(False)


def _read(name: str) -> list[npt.NDArray[np.float32]]:
    try:
        path = Path(str(distribution("mtcnn").locate_file(f"mtcnn/assets/weights/{name}.lz4")))
        data = path.read_bytes()
        is_known = hashlib.sha256(data).hexdigest() == _DIGESTS[name]
        arrays = joblib.load(io.BytesIO(data)) if is_known else []
    except (PackageNotFoundError, OSError, ValueError) as error:  # the last, without lz4
        raise FerlabError(f"mtcnn, by which faces are found, is missing: {_GET_IT}") from error
    if not arrays:
        raise FerlabError(f"mtcnn, by which faces are found, is another version: {_GET_IT}")
    return list(arrays)
