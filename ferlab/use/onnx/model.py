"""An exported file as a model: run by onnxruntime, described by its own metadata."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ferlab.errors import DataError
from ferlab.use.onnx.graph import IMAGES, PROBABILITIES

BATCH = 256
"""Images scored at once, so that many fit in memory."""

CLASSES = "ferlab.classes"
"""The metadata without which a file is no model of ferlab's: a JSON list, in the scores' order."""

TEMPERATURE = "ferlab.temperature"
"""The metadata by which the probabilities may be calibrated, if its run has recorded it."""

_FATAL = 4
"""What onnxruntime itself may write to the terminal: an error is raised in any case."""


class OnnxModel:
    """What `ferlab export --onnx` wrote.

    Args:
        content: of the file; nothing beside it is read.
        name: of the file, for messages.
        threads: that score; 0 for as many as there are cores.

    Attributes:
        classes: k names, in the order of the probabilities.
        metadata: all that the file says of itself.
        temperature: that was fitted to the probabilities of the validation images; None if none is
            recorded.

    Raises:
        DataError: it is no ONNX file, or not one that ferlab exported.
    """

    def __init__(self, content: bytes, name: str, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _FATAL
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each kind of damage is another class of onnxruntime's
            raise DataError(f"{name} is no ONNX file that onnxruntime can run") from error
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        names = [[value.name for value in values] for values in (inputs, outputs)]
        try:
            self.classes = tuple(str(each) for each in json.loads(self.metadata[CLASSES]))
            told = self.metadata.get(TEMPERATURE)
            self.temperature = None if told is None else _positive(told)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{name} does not say what it is; {_MAKE}") from error
        is_ours = names == [[IMAGES], [PROBABILITIES]] and inputs[0].type == "tensor(uint8)"
        if not is_ours or outputs[0].shape[1:] != [len(self.classes)]:
            raise DataError(
                f"{name} does not score uint8 images by {len(self.classes)} classes; {_MAKE}"
            )

    @classmethod
    def read(cls, path: Path, threads: int = 0) -> "OnnxModel":
        """The model in a file.

        Raises:
            DataError: it cannot be read, or see `OnnxModel`.
        """
        try:
            return cls(path.read_bytes(), str(path), threads)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score images: uint8 (n, 48, 48) -> a probability per class, float32 (n, k).

        They may have another size if the file was exported for any.
        """
        parts = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        scored = [self._session.run([PROBABILITIES], {IMAGES: part})[0] for part in parts]
        found: npt.NDArray[np.float32] = np.concatenate(scored)
        return found


def _positive(text: str) -> float:
    if not 0 < (number := float(text)) < math.inf:
        raise ValueError(text)
    return number


_MAKE = "take one that ferlab export RUN --onnx wrote"
