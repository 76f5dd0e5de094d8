"""Optimizers, schedules and losses."""

from typing import Annotated, Literal

from pydantic import Field

from ferlab.config.fields import Component, Fraction, LearningRate


class SGD(Component):
    """The keys of `torch.optim.SGD`."""

    lr: LearningRate
    momentum: Fraction
    nesterov: bool
    weight_decay: float = Field(ge=0)


class AdamW(Component):
    """The keys of `torch.optim.AdamW`."""

    lr: LearningRate
    weight_decay: float = Field(ge=0)


class Muon(Component):
    """The keys of Muon, and of the AdamW beside it."""

    lr: LearningRate
    momentum: Fraction
    weight_decay: float = Field(ge=0)


class _WarmedUp(Component):
    warmup: float = Field(gt=0, lt=1, description="share of the run")
    start: float = Field(gt=0, le=1, description="first learning rate / peak")
    end: float = Field(ge=0, le=1, description="last learning rate / peak")


class OneCycle(_WarmedUp):
    """Linear warm-up, then cosine decay to almost nothing; stepped every batch."""


class Linear(_WarmedUp):
    """Linear warm-up, then linear decay; stepped every batch."""


class Cosine(Component):
    """Cosine decay from the first step; stepped every batch."""

    end: float = Field(ge=0, le=1, description="last learning rate / first")


class Plateau(Component):
    """Decay when the validation loss stalls; stepped every epoch."""

    factor: float = Field(gt=0, lt=1)
    patience: int = Field(ge=0, description="epochs")


class Constant(Component):
    """A constant learning rate."""


ClassWeights = Annotated[
    Literal["none", "balanced"],
    Field(description="balanced: a class counts in inverse proportion to its images"),
]
LabelSmoothing = Annotated[
    Fraction, Field(description="share of the target spread over all classes")
]


class CrossEntropy(Component):
    """Cross-entropy."""

    class_weights: ClassWeights
    label_smoothing: LabelSmoothing


class Focal(Component):
    """Focal loss."""

    class_weights: ClassWeights
    label_smoothing: LabelSmoothing
    gamma: float = Field(ge=0, description="exponent of 1 - p; 0: cross-entropy")


class BalancedSoftmax(Component):
    """Balanced softmax."""

    label_smoothing: LabelSmoothing
