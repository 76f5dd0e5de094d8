"""The parts of a config: every key with its type, range and unit.

The values live in ``conf/``; this file has no defaults, so that each value has one home.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Monitor = Literal["val/accuracy", "val/f1", "val/loss"]
"""What an epoch logs and a run may select by; only a loss is better when smaller."""


def expected(what: str) -> WrapValidator:
    """Say in one error what a union takes, instead of one error per alternative."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("union", "should be {what}", {"what": what}) from None

    return WrapValidator(validate)


Stages = Annotated[
    Literal["all"] | list[Positive], expected("all or a list of stage numbers like [1,3]")
]
Threads = Annotated[Literal["auto"] | Positive, expected("auto or a number from 1")]


class Section(BaseModel):
    """A part of the config whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Component(Section):
    """A part that is built by calling ``_target_`` with its other keys."""

    target: str = Field(alias="_target_", pattern=r"^\w+(\.\w+)+$")


class Plugin(Component):
    """A user's own component: its keys are its own affair."""

    model_config = ConfigDict(extra="allow")


# --- data ---------------------------------------------------------------------------------


class Data(Component):
    """What every data set has; the rest of its keys are arguments of ``_target_``."""

    name: str = Field(description="how runs call the data set")
    split: Literal["official", "seed", "kfold"] = Field(
        description="official: as the source gives it; seed: the paper's; kfold: stratified folds"
    )
    folds: int = Field(ge=2, description="number of folds; split=kfold only")
    fold: int = Field(ge=0, description="which fold validates, from 0; split=kfold only")
    drop_leaks: bool | None = Field(
        description="drop training images identical to a validation or test image; "
        "null: yes, except for split=seed"
    )
    normalize: Literal["unit", "standard"] = Field(
        description="unit: grey levels / 255; standard: then zero mean, unit variance in training"
    )

    def source(self) -> dict[str, Any]:
        """The part that names and parametrises the source: ``_target_`` and its arguments."""
        return self.model_dump(by_alias=True, exclude=set(Data.model_fields) - {"target"})


class FER2013(Data):
    """The FER2013 challenge's images, in any of their published forms."""

    # Absolute, so that a recorded config finds its data from any folder.
    path: Annotated[str, AfterValidator(lambda p: str(Path(p).expanduser().absolute()))] = Field(
        min_length=1, description="archive.zip, its unpacked folder, or fer2013.csv"
    )


class Faces(Data):
    """Drawn faces."""

    images: int = Field(ge=70, description="how many, over all splits")
    seed: int = Field(ge=0, description="of the drawing; independent of the run's seed")


class DataPlugin(Data):
    """A user's own callable that returns an `ImageSet`."""

    model_config = ConfigDict(extra="allow")


# --- model --------------------------------------------------------------------------------


class Model(Component):
    """What every network has; the rest of its keys are arguments of ``_target_``."""

    name: str = Field(description="how runs call the network")
    classes: int = Field(ge=2, description="number of outputs; as many as the data has classes")

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


class Attention(Section):
    """Channel attention and its placement."""

    kind: Literal["none", "se"]
    reduction: int = Field(ge=1, description="r of Squeeze-Excitation: C -> C/r -> C")
    stages: Stages = Field(description="which stages, from 1")
    position: Literal["conv", "pool", "dropout"] = Field(description="after which part of a stage")
    bias: bool = Field(description="biases in the two dense layers")
    final_relu: bool = Field(description="one more ReLU on the rescaled maps")


class Head(Section):
    """From feature maps to classes."""

    pool: Literal["flatten", "average"]
    widths: list[Positive] = Field(description="hidden units per dense layer")
    dropout: Fraction = Field(description="rate after each hidden layer")


class CNN(Model):
    """`ferlab.models.cnn.ExpressionCNN`."""

    stages: list[Stage] = Field(min_length=1)
    order: Literal["conv-norm-relu", "conv-relu-norm"]
    norm: Norm
    attention: Attention
    head: Head
    init: Literal["keras", "he"]


class ModelPlugin(Model):
    """A user's own network: float (n, 1, 48, 48) -> logits (n, classes)."""

    model_config = ConfigDict(extra="allow")


# --- training -----------------------------------------------------------------------------


class SGD(Component):
    """`torch.optim.SGD`."""

    lr: float = Field(gt=0, description="learning rate; the peak under a one-cycle schedule")
    momentum: Fraction
    nesterov: bool
    weight_decay: float = Field(ge=0)


class AdamW(Component):
    """`torch.optim.AdamW`."""

    lr: float = Field(gt=0, description="learning rate; the peak under a one-cycle schedule")
    weight_decay: float = Field(ge=0)


class OneCycle(Component):
    """Linear warm-up, then cosine decay to almost nothing; stepped every batch."""

    warmup: float = Field(gt=0, lt=1, description="share of the run")
    start: float = Field(gt=0, le=1, description="first learning rate / peak")
    end: float = Field(ge=0, le=1, description="last learning rate / peak")


class Cosine(Component):
    """Cosine decay from the first step; stepped every batch."""

    end: float = Field(ge=0, le=1, description="last learning rate / first")


class Plateau(Component):
    """Decay when the validation loss stalls; stepped every epoch."""

    factor: float = Field(gt=0, lt=1)
    patience: int = Field(ge=0, description="epochs")


class Constant(Component):
    """No schedule."""


class Augmentation(Section):
    """Random changes of training images, drawn per image; 0 or false: off."""

    flip: bool = Field(description="mirror half of the images")
    shift: Fraction = Field(description="up to this share of width and height")
    rotate: float = Field(ge=0, le=180, description="up to so many degrees")
    scale: Fraction = Field(description="factor within 1 -+ this")
    brightness: Fraction = Field(description="factor within 1 -+ this")
    contrast: Fraction = Field(description="factor within 1 -+ this")
    erase: float = Field(ge=0, le=1, description="probability of erasing one rectangle")


class EarlyStopping(Section):
    """When to stop before the last epoch."""

    patience: int | None = Field(ge=1, description="epochs without improvement; null: never")
    min_delta: float = Field(ge=0, description="smallest change that counts")


class Trainer(Section):
    """How training runs."""

    max_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="images; batch norm needs two")
    label_smoothing: Fraction
    class_weights: Literal["none", "balanced"] = Field(
        description="balanced: a class's loss counts in inverse proportion to its images"
    )
    gradient_clip: float | None = Field(gt=0, description="largest gradient norm; null: no limit")
    monitor: Monitor = Field(description="which metric decides the best epoch")
    early_stopping: EarlyStopping
    device: Literal["auto", "cpu", "cuda"]
    threads: Threads = Field(
        description="of torch on the CPU; sums depend on it, so it is recorded"
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]


class Tracking(Section):
    """Where the run is recorded."""

    uri: str | None = Field(
        description="MLflow's; null: MLFLOW_TRACKING_URI, else in ferlab's home"
    )
    experiment: str = Field(min_length=1, description="MLflow experiment")
    run_name: str | None = Field(min_length=1, description="null: made from model, data and seed")
    artifacts: list[Annotated[str, Field(pattern=r"^\w+(\.\w+)+$")]] = Field(
        description="functions (classifier, images, predictions, folder) that write files"
    )
