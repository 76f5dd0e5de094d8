"""Augmentation, training, and where it is recorded."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ferlab.config.fields import (
    Fraction,
    Monitor,
    Name,
    Section,
    Threads,
    Views,
    require_each_once,
)


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
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        description="of training steps; auto: bf16-mixed where the device multiplies bfloat16"
    )


class Tracking(Section):
    """The MLflow store and run to which training is recorded."""

    uri: str | None = Field(
        description="MLflow's; null: MLFLOW_TRACKING_URI, else in ferlab's home"
    )
    experiment: Name = Field(description="MLflow experiment")
    run_name: Name | None = Field(description="null: made from model, data and seed")
    artifacts: Annotated[
        list[Annotated[str, Field(pattern=r"^\w+(\.\w+)+$")]], AfterValidator(require_each_once)
    ] = Field(description="functions (classifier, images, predictions, folder) that write files")
