"""The parts of a run but its network: every key with its type, range and unit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from ferlab.config.fields import (
    Component,
    Fraction,
    LearningRate,
    Monitor,
    Section,
    Threads,
    Views,
    expected,
)

# --- data ---------------------------------------------------------------------------------


class Data(Component):
    """The keys that every data set has; all others are arguments of ``_target_``.

    Attributes:
        has_seed_split: whether ``split=seed`` may be asked of it.
    """

    has_seed_split: ClassVar[bool] = False

    name: str = Field(description="how runs call the data set")
    split: Literal["official", "seed", "kfold", "holdout"] = Field(
        description="official: as the source gives it; seed: the paper's; kfold: stratified folds; "
        "holdout: folds for what the source has no split for"
    )
    folds: int = Field(ge=2, description="number of folds; split=kfold and holdout")
    fold: int = Field(ge=0, description="which fold validates, from 0; split=kfold and holdout")
    drop_leaks: bool | None = Field(
        description="drop training images identical to a validation or test image; "
        "null: yes, except for split=seed"
    )
    normalize: Literal["unit", "standard"] = Field(
        description="unit: grey levels / 255; standard: then zero mean, unit variance in training"
    )

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """How many classes it has under these values; None where only the data can tell."""
        del section
        return None

    def source(self) -> dict[str, Any]:
        """``_target_`` and its arguments."""
        return self.model_dump(by_alias=True, exclude=set(Data.model_fields) - {"target"})


def _absolute(path: str) -> str:
    """Make a path absolute, so that a recorded config finds its data from any folder."""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as error:  # there is no such user
        raise ValueError(str(error)) from error


_NewName = Annotated[
    Annotated[str, Field(min_length=1)] | None, expected("a name, or null to leave the class out")
]
_OptionalPath = Annotated[
    Annotated[str, Field(min_length=1), AfterValidator(_absolute)] | None,
    expected("a path or null"),
]


def _with_words(classes: Any) -> Any:
    """Make numbers words: a class may be called 1."""
    if not isinstance(classes, Mapping):
        return classes
    return {str(k): str(v) if type(v) is int else v for k, v in classes.items()}


FILES = ("data.path", "data.ferplus", "data.ferplus_names")
"""Keys that say where data lies; what is in it is another matter."""


class FER2013(Data):
    """The FER2013 challenge's images, in any of their published forms."""

    has_seed_split: ClassVar[bool] = True

    path: Annotated[str, AfterValidator(_absolute)] = Field(
        min_length=1, description="archive.zip, its unpacked folder, or fer2013.csv"
    )
    labels: Literal["original", "ferplus"] = Field(
        description="original: seven classes; ferplus: FER+'s, eight classes"
    )
    ferplus: _OptionalPath = Field(description="fer2013new.csv; labels=ferplus only")
    ferplus_names: _OptionalPath = Field(
        description="CSV with columns ferplus_name and archive_name; for pictures only"
    )
    votes: Literal["soft", "majority"] = Field(
        description="soft: train on a probability of each class; labels=ferplus only"
    )

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """Seven, and contempt with FER+."""
        return 8 if section["labels"] == "ferplus" else 7


class Faces(Data):
    """The data set of drawn faces."""

    images: int = Field(ge=70, description="how many, over all splits")
    seed: int = Field(ge=0, description="of the drawing; independent of the run's seed")

    @classmethod
    def count_classes(cls, section: Mapping[str, Any]) -> int | None:
        """Seven."""
        del section
        return 7


class Folder(Data):
    """Pictures in one folder per class, or named in a CSV."""

    path: Annotated[str, AfterValidator(_absolute)] = Field(
        min_length=1, description="a folder, an archive, or a CSV with columns path and label"
    )
    classes: Annotated[dict[str, _NewName], BeforeValidator(_with_words)] = Field(
        description="class: its new name, or null to leave it out; others keep theirs"
    )


class DataPlugin(Data):
    """A user's own callable that returns an `ImageSet`."""

    model_config = ConfigDict(extra="allow")

    has_seed_split: ClassVar[bool] = True  # as far as is known before its files are read


# --- training -----------------------------------------------------------------------------


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


class Augmentation(Section):
    """Random changes of training images, drawn per image; 0 or false: off."""

    flip: bool = Field(description="mirror half of the images")
    crop: int = Field(
        ge=0, le=24, description="repeat so many pixels of the borders, then cut out 48x48 anywhere"
    )
    shift: Fraction = Field(description="up to this share of width and height")
    rotate: float = Field(ge=0, le=180, description="up to so many degrees")
    scale: Fraction = Field(description="factor within 1 -+ this")
    brightness: Fraction = Field(description="factor within 1 -+ this")
    contrast: Fraction = Field(description="factor within 1 -+ this")
    erase: float = Field(ge=0, le=1, description="probability of erasing one rectangle")
    mixup: float = Field(ge=0, le=100, description="blend images in pairs; alpha of the Beta")
    cutmix: float = Field(ge=0, le=100, description="paste images in pairs; alpha of the Beta")

    def of_images(self) -> dict[str, Any]:
        """What is done to each image on its own: arguments of `BatchAugmentation`."""
        return self.model_dump(exclude={"mixup", "cutmix"})


class EarlyStopping(Section):
    """When to stop before the last epoch."""

    patience: int | None = Field(ge=1, description="epochs without improvement; null: never")
    min_delta: float = Field(ge=0, description="smallest change that counts")


class Trainer(Section):
    """The settings of training."""

    max_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="images; batch norm needs two")
    sampling: Literal["shuffled", "balanced"] = Field(
        description="each image once an epoch, or as many with replacement, classes alike likely"
    )
    resolutions: list[Annotated[int, Field(ge=8, le=48)]] = Field(
        min_length=1,
        description="width and height of training images, in pixels; the run's epochs are divided "
        "evenly, in order, among the sizes, so it needs an epoch for each; validation has 48",
    )
    skip_easy: Fraction = Field(
        description="probability with which an epoch leaves out an image whose last loss is below "
        "the mean of all; those that stay count for it; the last eighth of the epochs sees all"
    )
    gradient_clip: float | None = Field(gt=0, description="largest gradient norm; null: no limit")
    ema: float | None = Field(
        gt=0,
        lt=1,
        description="decay, per step, of a moving average of the weights, which is scored and kept "
        "in their place; null: none",
    )
    decay_norms: bool = Field(
        description="whether weight decay is of vectors, too: norms' parameters and biases"
    )
    views: Views = Field(description="of each image, over which scores are averaged")
    monitor: Monitor = Field(description="which metric decides the best epoch")
    early_stopping: EarlyStopping
    device: Literal["auto", "cpu", "cuda"]
    threads: Threads = Field(
        description="of torch on the CPU; sums depend on it, so it is recorded"
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]


class Tracking(Section):
    """The MLflow store and run to which training is recorded."""

    uri: str | None = Field(
        description="MLflow's; null: MLFLOW_TRACKING_URI, else in ferlab's home"
    )
    experiment: str = Field(min_length=1, description="MLflow experiment")
    run_name: str | None = Field(min_length=1, description="null: made from model, data and seed")
    artifacts: list[Annotated[str, Field(pattern=r"^\w+(\.\w+)+$")]] = Field(
        description="functions (classifier, images, predictions, folder) that write files"
    )
