"""Networks: every key of ``model`` with its type, range and unit."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ferlab.config.attention import Attention, attention
from ferlab.config.fields import Classes, Component, Fraction, Positive, Section


class Model(Component):
    """The keys that every network has; all others are arguments of ``_target_``."""

    name: str = Field(description="how runs call the network")
    classes: Classes = Field(description="number of outputs; auto: one for each class of the data")

    def network(self) -> dict[str, Any]:
        """``_target_`` and its arguments."""
        return self.model_dump(by_alias=True, exclude={"name"})


class Stage(Section):
    """One stage: convolutions at one resolution, then pooling and dropout."""

    widths: list[Positive] = Field(min_length=1, description="output channels per convolution")
    kernels: list[Positive] = Field(description="kernel size per convolution, odd, in pixels")
    stride: int = Field(ge=1, description="of the first convolution, in pixels")
    pool: int = Field(ge=1, description="max-pooling window and stride, in pixels; 1: none")
    dropout: Fraction = Field(description="rate after pooling; 0: none")


class Norm(Section):
    """Batch normalization."""

    each: Literal["conv", "stage"] = Field(description="after every convolution, or once a stage")
    momentum: float = Field(gt=0, le=1, description="weight of the newest batch")
    epsilon: float = Field(gt=0)


class Head(Section):
    """The head, from feature maps to classes."""

    pool: Literal["flatten", "average"]
    widths: list[Positive] = Field(description="hidden units per dense layer")
    dropout: Fraction = Field(description="rate after each hidden layer")


class CNN(Model):
    """The keys of `ferlab.models.cnn.ExpressionCNN`."""

    stages: list[Stage] = Field(min_length=1)
    order: Literal["conv-norm-relu", "conv-relu-norm"]
    norm: Norm
    attention: Annotated[Attention, attention("conv", "pool", "dropout")]
    head: Head
    init: Literal["keras", "he"]


class Stem(Section):
    """The first convolution."""

    width: int = Field(ge=1, description="output channels")
    kernel: int = Field(ge=1, description="size, odd, in pixels")
    stride: int = Field(ge=1, description="in pixels")


class Blocks(Section):
    """One stage: residual blocks at one resolution."""

    width: int = Field(ge=1, description="output channels of every convolution")
    blocks: int = Field(ge=1, description="how many, of two convolutions each")
    stride: int = Field(ge=1, description="of the first convolution, in pixels")


class Residual(Model):
    """The keys of `ferlab.models.resnet.ResNet`."""

    stem: Stem
    stages: list[Blocks] = Field(min_length=1)
    dropout: Fraction = Field(description="rate before the dense layer")
    attention: Annotated[Attention, attention("residual", "stage")]


class ModelPlugin(Model):
    """A user's own network: float (n, 1, 48, 48) -> logits (n, classes)."""

    model_config = ConfigDict(extra="allow")
