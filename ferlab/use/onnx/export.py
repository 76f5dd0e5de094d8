"""A recorded run's network as an ONNX file, which is left only where it answers as torch does."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import metadata as distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import ferlab
from ferlab.data.imageset import SIZE, ImageSet, Split
from ferlab.errors import DataError
from ferlab.reproduce.recorded_model import Loader
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client
from ferlab.use.onnx.agreement import Agreement, Probabilities
from ferlab.use.onnx.graph import Answering, to_onnx, with_metadata
from ferlab.use.onnx.int8 import to_int8
from ferlab.use.onnx.model import BATCH, CLASSES, TEMPERATURE, OnnxModel
from ferlab.use.saved import write_new

_SCORES = ("accuracy", "f1")


@dataclass(frozen=True)
class OnnxFile:
    """A file that was written.

    Attributes:
        takes: what it takes, for people to read.
        bytes: its size.
        exact: the graph in floats beside torch, on the validation images.
        rounded: the graph in 8 bits beside that in floats; None where it was not asked for.
    """

    takes: str
    bytes: int
    exact: Agreement
    rounded: Agreement | None


def export_run(client: Client, entry: Entry, path: Path, *, any_size: bool, int8: bool) -> OnnxFile:
    """Write the network of a finished run; see `export_onnx`.

    Args:
        client: of the tracking store.
        entry: the run; not a trial of several seeds, which are as many networks.
        path, any_size, int8: see `export_onnx`.

    Raises:
        FerlabError: the model or its data is gone or has changed, or see `export_onnx`.
    """
    model = Loader(client).load(entry)
    about = about_run(entry, model.images)
    if model.temperature is not None:
        about[TEMPERATURE] = str(model.temperature)
    return export_onnx(path, model.classifier, model.images, about, any_size=any_size, int8=int8)


def export_onnx(
    path: Path,
    classifier: nn.Module,
    images: ImageSet,
    about: Mapping[str, str],
    *,
    any_size: bool,
    int8: bool,
) -> OnnxFile:
    """Write a classifier as an ONNX file that was checked on the validation images.

    Args:
        path: of the file, which must be new; see `ferlab.use.saved.require_new`.
        classifier: uint8 (n, 48, 48) -> logits (n, k).
        images: the data it was trained on.
        about: what the file says of itself besides.
        any_size: whether it takes images of any size, and resizes them itself.
        int8: whether it computes in 8 bits, with the ranges of some training images.

    Raises:
        DataError: the graph gives a validation image another class than torch, or the file cannot
            be written; there is no file then.
    """
    answering = Answering(classifier.cpu().eval(), any_size).eval()
    takes = f"uint8 (n, {'h, w' if any_size else f'{SIZE}, {SIZE}'}), grey levels 0-255"
    about = {CLASSES: json.dumps(images.classes), "ferlab.input": takes, **about}
    content = with_metadata(to_onnx(answering), about)
    index = images.indices(Split.VAL)
    shown, labels = images.images[index], images.labels[index]
    probabilities = OnnxModel(content, str(path)).probabilities(shown)
    exact = Agreement.of(labels, _by_torch(answering, shown), probabilities)
    _require_agreement(path, exact)
    if any_size:
        larger = shown.repeat(2, axis=1).repeat(2, axis=2)
        by_onnx = OnnxModel(content, str(path)).probabilities(larger)
        _require_agreement(path, Agreement.of(labels, _by_torch(answering, larger), by_onnx))
    rounded = None
    if int8:
        content = to_int8(content, images.images[images.indices(Split.TRAIN)])
        in_int8 = OnnxModel(content, str(path)).probabilities(shown)
        rounded = Agreement.of(labels, probabilities, in_int8)
        content = with_metadata(content, {"ferlab.int8": json.dumps(asdict(rounded))})
    write_new(path, content)
    return OnnxFile(takes, len(content), exact, rounded)


def about_run(entry: Entry, images: ImageSet) -> dict[str, str]:
    """What an exported file says of the run whose model it holds.

    Args:
        entry: the run.
        images: its data.
    """
    recorded = {f"val/{name}": f"best/{name}" for name in _SCORES}
    recorded |= {f"test/{name}": f"test/{name}" for name in _SCORES}
    scores = {name: entry.metrics[key] for name, key in recorded.items() if key in entry.metrics}
    return {
        "ferlab.version": ferlab.__version__,
        "ferlab.licence": distribution("ferlab")["License-Expression"],
        "ferlab.run_id": entry.run_id,
        "ferlab.run": entry.name,
        "ferlab.data.digest": images.digest,
        "ferlab.scores": json.dumps(scores),
    }


def _by_torch(answering: Answering, images: npt.NDArray[np.uint8]) -> Probabilities:
    with torch.inference_mode():
        scored = [answering(part) for part in torch.split(torch.from_numpy(images), BATCH)]
    found: Probabilities = torch.cat(scored).numpy()
    return found


def _require_agreement(path: Path, found: Agreement) -> None:
    if found.others:
        raise DataError(
            f"{path} was not written: onnxruntime gives {found.others:,} of {found.images:,} "
            f"validation images another class than torch (largest difference {found.largest:.2g})"
        )
