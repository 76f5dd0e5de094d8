"""A run's model as an MLflow model: weights and config as plain data, nothing pickled.

MLflow's ``pyfunc`` flavor names this module as its loader and calls `_load_pyfunc` with a folder of
``weights.safetensors``, the state of the network, and ``model.json``, how to build it again.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import load_file
from torch import Tensor, nn

from ferlab import instantiate
from ferlab.analysis.calibration import tempered
from ferlab.data.grey import grey_images
from ferlab.data.imageset import SIZE
from ferlab.errors import DataError
from ferlab.models.weights import weights_as_bytes
from ferlab.text import shorten
from ferlab.untrusted import bounded

_DATA = Path("data", "classifier")
"""Where MLflow puts what `save` gives it, in the folder of a model."""

WEIGHTS = "weights.safetensors"
CONFIG = "model.json"

BATCH = 256
"""Images scored at once, so that a large request fits in memory."""


_IMAGES = "images"
"""The one input of the signature."""

_CALIBRATED = "calibrated"
"""The one parameter of the signature."""


class RefusedImages(MlflowException, DataError):
    """What was sent to a model holds no images that it can read.

    MLflow's server answers its own exceptions without a stack trace, but writes all images that it
    was sent before the words; here the words stay alone.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words, error_code=INVALID_PARAMETER_VALUE)

    @property
    def message(self) -> str:
        """The words, whatever they are set to after."""
        return str(self.args[0])

    @message.setter
    def message(self, changed: str) -> None:
        del changed


class ServedModel:
    """The model that ``mlflow.pyfunc.load_model`` loads: it returns labels and probabilities.

    Args:
        network: uint8 (n, 48, 48) -> logits (n, k), in evaluation mode.
        classes: k names, in the order of the logits.
        temperature: that was fitted to the probabilities of the validation images; None if none is
            recorded.
        built_by: how the network is built, as it was given to `save`.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: Sequence[str],
        temperature: float | None,
        built_by: Mapping[str, Any],
    ) -> None:
        self.network = network
        self.classes = tuple(classes)
        self.temperature = temperature
        self.built_by = built_by

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score images: uint8 (n, 48, 48) -> a probability per class, float32 (n, k)."""
        batches = torch.split(torch.tensor(images), BATCH)
        with torch.inference_mode():
            scored = torch.cat([self.network(batch).softmax(dim=1) for batch in batches])
        found: npt.NDArray[np.float32] = scored.numpy()
        return found

    def predict(
        self,
        request: Mapping[str, npt.NDArray[Any]],
        params: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Answer MLflow: n rows of ``label`` and a probability per class.

        Args:
            request: by the name in the signature, numbers of any type and shape, for the signature
                casts nothing.
            params: ``{"calibrated": True}`` asks for probabilities at the model's temperature;
                without it they are those that its run has recorded. The labels are the same.

        Raises:
            RefusedImages: see `ferlab.data.grey.grey_images`; or calibrated probabilities are asked
                for, and no temperature is recorded.
        """
        try:
            images = grey_images(request[_IMAGES])
        except DataError as error:
            raise RefusedImages(str(error)) from error
        recorded = self.probabilities(images)
        shown = self._calibrated(recorded) if (params or {}).get(_CALIBRATED) else recorded
        table = pd.DataFrame(shown, columns=list(self.classes))
        table.insert(0, "label", [self.classes[i] for i in recorded.argmax(axis=1)])
        return table

    def _calibrated(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.temperature is None:
            raise RefusedImages("this model was recorded without a temperature to calibrate it by")
        return tempered(probabilities, self.temperature).astype(np.float32)


def save(
    folder: Path,
    state: Mapping[str, Tensor],
    *,
    network: Mapping[str, Any],
    classes: Sequence[str],
    temperature: float | None,
    example: npt.NDArray[np.uint8],
    pip_requirements: Sequence[str],
) -> None:
    """Write a folder that ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` read.

    Args:
        folder: the folder to write, new or empty.
        state: the network's ``state_dict``, on any device.
        network: plain config: ``_target_``, which may be called by `ferlab.instantiate.call`, and
            its keyword arguments. It builds a module that takes uint8 (n, 48, 48) and returns
            logits (n, k), so its normalisation is part of its state.
        classes: k names, in the order of the logits.
        temperature: see `ServedModel`.
        example: uint8, shape (m, 48, 48); a request to try the model with, kept beside it.
        pip_requirements: distributions that the model needs, as ``name==version``.

    Raises:
        DataError: the example has another type or shape.
    """
    if example.dtype != np.uint8 or example.shape[1:] != (SIZE, SIZE):
        raise DataError(
            f"the model's example must be uint8 of shape (m, {SIZE}, {SIZE}), "
            f"not {example.dtype} of shape {example.shape}"
        )
    config = {"network": dict(network), "classes": list(classes), "temperature": temperature}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        data = Path(scratch, "classifier")
        data.mkdir()
        (data / WEIGHTS).write_bytes(weights_as_bytes(state))
        (data / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        mlflow.pyfunc.save_model(
            folder,
            loader_module=__name__,
            data_path=data,
            signature=_signature(classes),
            input_example=example,
            # Without a list MLflow would run the model in a new process to find out.
            pip_requirements=list(pip_requirements),
        )


def parts(folder: Path) -> dict[str, bytes]:
    """What a saved model is built of, by the names of its files, to be carried elsewhere.

    Raises:
        DataError: one of them is missing.
    """
    try:
        return {name: (folder / _DATA / name).read_bytes() for name in (WEIGHTS, CONFIG)}
    except OSError as error:
        raise _no_model(folder / _DATA, error) from error


def save_parts(folder: Path, given: Mapping[str, bytes], pip_requirements: Sequence[str]) -> None:
    """Write a folder as `save` does, of `parts` that anyone may have written.

    Raises:
        DataError: they are no such parts.
    """
    try:
        config = bounded.read_json(given[CONFIG])
        save(
            folder,
            load_weights(given[WEIGHTS]),
            network=dict(config["network"]),
            classes=list(map(str, config["classes"])),
            temperature=config.get("temperature"),
            example=np.zeros((1, SIZE, SIZE), np.uint8),
            pip_requirements=pip_requirements,
        )
    except (ValueError, SafetensorError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"a model is damaged: {shorten(ascii(error), 80)}") from error


def load_model(folder: Path) -> ServedModel:
    """The model that `save` wrote to a folder; errors are those of `_load_pyfunc`."""
    return _load_pyfunc(str(folder / _DATA))


def _no_model(place: str | Path, error: Exception) -> DataError:
    return DataError(f"{place} does not hold a model that ferlab saved: {error}")


def _signature(classes: Sequence[str]) -> ModelSignature:
    """What MLflow casts nothing by.

    Under a numeric type its server truncates JSON's fractions to whole numbers, or a Python caller
    must send just that type; an array of objects, of one axis, is let through as it is.
    """
    images = TensorSpec(np.dtype(object), (-1,), _IMAGES)
    columns: list[ColSpec | TensorSpec] = [ColSpec("string", "label")]
    columns += [ColSpec("float", name) for name in classes]
    params = ParamSchema([ParamSpec(_CALIBRATED, "boolean", default=False)])
    return ModelSignature(inputs=Schema([images]), outputs=Schema(columns), params=params)


def _load_pyfunc(data_path: str) -> ServedModel:
    """Build a saved model again; MLflow looks this function up by its name.

    Raises:
        ConfigError: the model's ``_target_`` is not trusted; nothing of it was imported.
        DataError: the files are missing, damaged or do not fit each other.
    """
    try:
        config = json.loads(Path(data_path, CONFIG).read_text())
        state = load_file(Path(data_path, WEIGHTS))
        target, classes = config["network"]["_target_"], config["classes"]
        temperature = config.get("temperature")  # a model recorded before has none
    except (OSError, ValueError, SafetensorError, KeyError, TypeError) as error:
        raise _no_model(data_path, error) from error
    with torch.random.fork_rng(devices=[]):  # the initial weights are drawn, but not needed
        network = instantiate.call(config["network"])
    if not isinstance(network, nn.Module):
        raise DataError(f"'{target}' in {data_path} builds no torch module")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DataError(f"the weights in {data_path} are not those of '{target}'") from error
    return ServedModel(network.eval(), classes, temperature, config["network"])
