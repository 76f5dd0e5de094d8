"""The LightningModule: training and validation steps, and metrics over an epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from ferlab.data.batches import Batches, balanced, epoch_seed, shuffled
from ferlab.data.mix import Mix
from ferlab.models.classifier import Classifier, to_unit
from ferlab.training.recipe.averaging import MovingAverage
from ferlab.training.recipe.resolution import Resolutions, shrunk
from ferlab.training.recipe.skipping import SkipEasy, skipped_after

Batch = tuple[Tensor, Tensor]
"""uint8 (b, 48, 48) images and int64 (b,) labels, or float32 (b, classes) probabilities."""

Scheduler = LRScheduler | ReduceLROnPlateau

FIRST_STEPS = 3
"""Optimizer steps whose losses and learning rates are metrics of their own.

At the first the weights are as they were drawn; at the next two they show what a step did to them,
before rounding has grown: so a run that computes otherwise is told from one that rounds otherwise.
"""


@dataclass(frozen=True)
class Pixels:
    """All images of a data set and which of them train and validate.

    Attributes:
        images: uint8 (n, 48, 48), possibly memory-mapped.
        labels: int64 (n,).
        targets: what is trained on: the labels, or float32 (n, classes), their probabilities.
        train: int64 (n_train,), positions.
        val: int64 (n_val,), positions.
    """

    images: Tensor
    labels: Tensor
    targets: Tensor
    train: Tensor
    val: Tensor


class ExpressionModule(pl.LightningModule):
    """Trains a classifier; epoch e draws its randomness from (seed, e) alone.

    So a run is resumed by training the epochs that are left: Lightning counts them from 0, and
    ``first_epoch`` is added.

    Training steps compute in the Trainer's precision; augmentation and validation in float32, in
    which the recorded model scores, too.

    Args:
        classifier: the network with its normalisation.
        augment: float (b, 1, 48, 48) in [0, 1] -> the same.
        mix: images and targets of a batch -> the same, mixed.
        pixels: training and validation images.
        classes: number of classes.
        seed: seed of order, augmentation and dropout.
        batch_size: images per step.
        is_balanced: whether each class is alike likely in training, see `balanced`.
        resolutions: size of training images in each epoch.
        loss: logits (b, classes), targets as in `Batch` -> ().
        skip: leaves easy images out of an epoch; None for none.
        ema: decay of the moving average that is scored in the classifier's place; None for none.
        make_optimizer: trainable parameters, optimizer steps per epoch -> optimizer, scheduler.
    """

    def __init__(
        self,
        classifier: Classifier,
        augment: nn.Module,
        mix: Mix,
        pixels: Pixels,
        *,
        classes: int,
        seed: int,
        batch_size: int,
        is_balanced: bool,
        resolutions: Resolutions,
        loss: nn.Module,
        skip: SkipEasy | None,
        ema: float | None,
        make_optimizer: Callable[[list[nn.Parameter], int], tuple[Optimizer, Scheduler]],
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.augment = augment
        self.mix = mix
        self.pixels = pixels
        self.seed = seed
        self.batch_size = batch_size
        self.is_balanced = is_balanced
        self.resolutions = resolutions
        self.loss = loss
        self.skip = skip
        self.average = None if ema is None else MovingAverage(classifier, ema)
        self.make_optimizer = make_optimizer
        self.optimizer: Optimizer
        self.scheduler: Scheduler
        self.order = pixels.train  # of an epoch
        self.first_epoch = 0
        self.resumed: dict[str, Any] | None = None
        self.steps_before = 0
        self.first_steps: dict[str, Tensor | float] = {}
        self.train_metrics = MetricCollection(
            {
                # Unchecked, it takes no weights: each image of a batch has the batch's mean loss.
                "loss": MeanMetric(nan_strategy="disable"),
                "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
            },
            prefix="train/",
        )
        self.val_metrics = MetricCollection(
            {
                "loss": MeanMetric(nan_strategy="disable"),
                "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
                "f1": MulticlassF1Score(classes, average="macro", validate_args=False),
                "f1_per_class": MulticlassF1Score(classes, average="none", validate_args=False),
            },
            prefix="val/",
        )
        # What the same weights score without their views, where they have more than one.
        self.one_view_metrics = MetricCollection(
            {name: self.val_metrics[name].clone() for name in ("accuracy", "f1")},
            prefix="val/one_view/",
        )

    @property
    def epoch(self) -> int:
        """The run's epoch, from 0, counted over interruptions."""
        return self.first_epoch + self.current_epoch

    @property
    def scored(self) -> Classifier:
        """What validates and is kept: the classifier, or its moving average."""
        return self.classifier if self.average is None else cast(Classifier, self.average.network)

    # --- batches --------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Move the images to the device once, not batch by batch."""
        del stage
        on_device = (t.to(self.device) for t in vars(self.pixels).values())
        self.pixels = Pixels(*on_device)

    def train_dataloader(self) -> Batches:
        """The training images in the order of this epoch."""
        train = self.pixels.train
        if self.is_balanced:
            drawn = balanced(self.pixels.labels[train], self.seed, self.epoch)
        else:
            drawn = shuffled(len(train), self.seed, self.epoch)
        self.order = train[drawn.to(train.device)]
        if self.skip is not None:
            self.order = self.skip.kept(self.order, self.seed, self.epoch)
        return self._batches(self.pixels.targets, self.order, drop_single=True)

    def val_dataloader(self) -> Batches:
        """The validation images in the order of the data set."""
        return self._batches(self.pixels.labels, self.pixels.val, drop_single=False)

    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch that skips nothing, one per batch."""
        return len(self._batches(self.pixels.targets, self.pixels.train, drop_single=True))

    def _batches(self, targets: Tensor, order: Tensor, drop_single: bool) -> Batches:
        images, size = self.pixels.images, self.batch_size
        return Batches(images, targets, size, order=order, drop_single=drop_single)

    # --- steps ----------------------------------------------------------------------------

    def on_train_epoch_start(self) -> None:
        """Seed this epoch's randomness: augmentation, mixing, then dropout, batch by batch."""
        torch.manual_seed(epoch_seed(self.seed, self.epoch))
        self.train_metrics.reset()
        self.steps_before = self.epoch * self.steps_per_epoch()
        self.first_steps.clear()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of one batch, shape ()."""
        images, targets = batch
        with self._float32():
            views, targets = self.mix(self.augment(to_unit(images)), targets)
            views = shrunk(views, self.resolutions.at(self.epoch))
        logits = self.classifier.score(views)
        if self.skip is not None:
            self.skip.weigh(logits, targets, self.order[index * self.batch_size :][: len(images)])
        loss: Tensor = self.loss(logits, targets)
        labels = targets if targets.ndim == 1 else targets.argmax(dim=1)
        self.train_metrics["loss"].update(loss.detach().expand(len(labels)))
        self.train_metrics["accuracy"].update(logits.detach(), labels)
        if (step := self.steps_before + index + 1) <= FIRST_STEPS:
            self.first_steps[f"train/loss/step_{step}"] = loss.detach()
            self.first_steps[f"lr/step_{step}"] = self.optimizer.param_groups[0]["lr"]
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Average the weights, after the optimizer's step; step the schedule for skipped ones."""
        del outputs, batch
        if self.skip is not None and not isinstance(self.scheduler, ReduceLROnPlateau):
            taken = int(self.trainer.num_training_batches)
            for _ in range(skipped_after(batch_idx, taken, self.steps_per_epoch())):
                self.scheduler.step()
        if self.average is not None:
            self.average.update(self.classifier, self.steps_before + batch_idx)

    def on_validation_epoch_start(self) -> None:
        """Reset the validation metrics."""
        self.val_metrics.reset()
        self.one_view_metrics.reset()

    def validation_step(self, batch: Batch, _: int) -> None:
        """Add one batch to the metrics, with a plain loss, which compares across runs."""
        images, labels = batch
        with self._float32():
            logits, alone = self.scored.with_and_without_views(images)
        loss = cross_entropy(logits, labels)
        self.val_metrics["loss"].update(loss.expand(len(labels)))
        if len(self.classifier.views) > 1:
            self.one_view_metrics.update(alone, labels)
        for name in ("accuracy", "f1", "f1_per_class"):
            self.val_metrics[name].update(logits, labels)

    def _float32(self) -> torch.autocast:
        """A context without the autocast in which Lightning wraps each step."""
        return torch.autocast(self.device.type, enabled=False)

    def epoch_metrics(self, classes: tuple[str, ...]) -> dict[str, float]:
        """The epoch's losses, accuracies, macro F1, F1 of each class and learning rate.

        And the loss and the rate of each of the run's first steps that was in it, what one view
        scores where there are several, the share of training images that was skipped and their
        size where these change.
        """
        values = {**self.train_metrics.compute(), **self.val_metrics.compute()}
        if len(self.classifier.views) > 1:
            values |= self.one_view_metrics.compute()
        per_class = values.pop("val/f1_per_class").tolist()
        metrics = {name: value.item() for name, value in values.items()}
        metrics |= {f"val/f1/{name}": f1 for name, f1 in zip(classes, per_class, strict=True)}
        first = {name: float(value) for name, value in self.first_steps.items()}
        if self.skip is not None:
            metrics["skipped"] = 1 - len(self.order) / len(self.pixels.train)
        if not self.resolutions.is_full:
            metrics["resolution"] = float(self.resolutions.at(self.epoch))
        return metrics | first | {"lr": self.optimizer.param_groups[0]["lr"]}

    # --- optimizer and state --------------------------------------------------------------

    def configure_optimizers(self) -> Any:
        """The optimizer, with its schedule unless that is stepped by the validation loss."""
        trainable = [p for p in self.classifier.parameters() if p.requires_grad]
        self.optimizer, self.scheduler = self.make_optimizer(trainable, self.steps_per_epoch())
        if self.resumed is not None:
            self.optimizer.load_state_dict(self.resumed["optimizer"])
            self.scheduler.load_state_dict(self.resumed["scheduler"])
            self.trainer.precision_plugin.load_state_dict(self.resumed["precision"])
        if isinstance(self.scheduler, ReduceLROnPlateau):
            return self.optimizer
        return [self.optimizer], [{"scheduler": self.scheduler, "interval": "step"}]

    def end_epoch(self, val_loss: float) -> None:
        """Step a schedule that depends on the validation loss."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(val_loss)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch needs, as tensors and plain containers."""
        optional = {"average": self.average, "skip": self.skip}
        return {
            **{name: part.state_dict() for name, part in optional.items() if part is not None},
            "classifier": self.classifier.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "precision": self.trainer.precision_plugin.state_dict(),
        }

    def resume(self, state: dict[str, Any], first_epoch: int) -> None:
        """Restore what `state` returned at the end of the epoch before ``first_epoch``."""
        self.classifier.load_state_dict(state["classifier"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.skip is not None:
            self.skip.load_state_dict(state["skip"])
        self.resumed = state
        self.first_epoch = first_epoch
