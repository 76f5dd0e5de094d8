"""A graph whose convolutions and dense layers compute in whole numbers of eight bits."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnxruntime import quantization

from ferlab.use.onnx.graph import IMAGES, quiet

CALIBRATION = 512
"""Training images by which the range of each activation is found."""

_BATCH = 64

_QUANTIZED = ["Conv", "Relu", "MaxPool", "Gemm"]
"""What computes in 8 bits; in attention's gates and the softmax there is nothing to gain."""


class _Images(quantization.CalibrationDataReader):  # type: ignore[misc]  # it has no types
    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        self._batches: Iterator[npt.NDArray[np.uint8]] = iter(
            [images[i : i + _BATCH] for i in range(0, len(images), _BATCH)]
        )

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {IMAGES: batch}


def to_int8(content: bytes, images: npt.NDArray[np.uint8]) -> bytes:
    """The graph with weights and activations in 8 bits, by static quantization.

    Each output channel's weights and each tensor of activations have a scale of their own, that of
    activations from the least and the greatest on the images (Jacob et al. 2018, "Quantization and
    Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 2).

    Args:
        content: of the file with the graph in floats.
        images: training images for the ranges, uint8 (n, 48, 48), of which the same ones are taken
            each time.
    """
    chosen = images[np.random.default_rng(0).permutation(len(images))[:CALIBRATION]]
    with tempfile.TemporaryDirectory() as scratch, quiet():
        before, after = Path(scratch, "float.onnx"), Path(scratch, "int8.onnx")
        before.write_bytes(content)
        quantization.quantize_static(
            before,
            after,
            _Images(chosen),
            op_types_to_quantize=_QUANTIZED,
            per_channel=True,
        )
        return after.read_bytes()
