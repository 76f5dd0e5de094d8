"""A classifier as an ONNX graph that holds all there is between grey levels and probabilities."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ferlab.data.imageset import SIZE

IMAGES, PROBABILITIES = "images", "probabilities"
"""Names of the graph's one input and its one output."""

LARGER = 60
"""Height and width of the images that a graph for any size is traced with."""


class Answering(nn.Module):
    """What the graph computes.

    Args:
        classifier: uint8 (n, 48, 48) -> logits (n, k).
        any_size: whether images of any height and width are brought to 48 x 48 first.
    """

    def __init__(self, classifier: nn.Module, any_size: bool) -> None:
        super().__init__()
        self.classifier = classifier
        self.any_size = any_size

    def forward(self, images: Tensor) -> Tensor:
        """Score images: uint8 (n, h, w) -> probabilities (n, k)."""
        logits: Tensor = self.classifier(_resized(images) if self.any_size else images)
        return logits.softmax(dim=1)


def _resized(images: Tensor) -> Tensor:
    """Grey levels of any size at 48 x 48: uint8 (n, h, w) -> uint8 (n, 48, 48).

    Bicubic and without aliases, as pictures of a data set are read; those of 48 x 48 stay as they
    are.
    """
    resized = interpolate(images.unsqueeze(1).float(), (SIZE, SIZE), mode="bicubic", antialias=True)
    return resized.squeeze(1).round().clamp(0, 255).to(torch.uint8)


def to_onnx(answering: Answering) -> bytes:
    """The graph as a file's content, for any number of images at once.

    Args:
        answering: on the CPU, in evaluation mode.
    """
    side = LARGER if answering.any_size else SIZE
    example = torch.zeros((2, side, side), dtype=torch.uint8)
    sizes = {0: torch.export.Dim("n")}
    if answering.any_size:
        sizes |= {1: torch.export.Dim("height", min=2), 2: torch.export.Dim("width", min=2)}
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            answering,
            (example,),
            input_names=[IMAGES],
            output_names=[PROBABILITIES],
            dynamic_shapes=(sizes,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101  it was not written to a file
    model = program.model_proto
    # Where each node comes from, with paths of this machine.
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    content: bytes = model.SerializeToString()
    return content


def with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """The file's content with more ``metadata_props``."""
    model = ModelProto.FromString(content)
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=text)
    more: bytes = model.SerializeToString()
    return more


@contextmanager
def quiet() -> Iterator[None]:
    """What libraries say while they make a graph is about themselves, and goes unsaid."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
