"""The end of every epoch, in order: measure, keep, record, show, perhaps stop."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from ferlab.analysis.history import History
from ferlab.config.parts.training import Trainer as TrainerConfig
from ferlab.tracking.run import Run
from ferlab.training import checkpoint
from ferlab.training.module import ExpressionModule
from ferlab.training.progress import Progress
from ferlab.training.stop import Diverged

Report = Callable[[int, Mapping[str, float]], None]
"""Called after each epoch with its number, from 1, and its metrics; may raise to end the run."""

_NAN_CHECK = 20
"""Batches between two checks of the loss; each check waits for the device."""


def is_complete(history: History, config: TrainerConfig) -> bool:
    """Whether no epoch is left, or early stopping forbids another."""
    stopping = config.early_stopping
    return len(history.epochs) >= config.max_epochs or (
        stopping.patience is not None
        and history.epochs_without_gain(config.monitor, stopping.min_delta) >= stopping.patience
    )


class Epochs(pl.Callback):
    """Keeps a run's state on disk and in MLflow as its epochs end.

    The checkpoint is written first and holds the history, so MLflow never has an epoch that the
    run cannot be resumed from; one that MLflow missed in a crash is in the history.

    Args:
        config: the ``trainer`` section.
        classes: class names, in the order of the labels.
        images: number of training images per epoch.
        folder: where checkpoints are kept.
        run: the MLflow run to which each epoch is logged.
        history: the epochs before this process, if the run is resumed.
        check_signals: raises `Interrupted` once a signal has come.
        report: see `Report`.
    """

    def __init__(
        self,
        config: TrainerConfig,
        classes: tuple[str, ...],
        images: int,
        folder: Path,
        run: Run,
        history: History,
        check_signals: Callable[[], None],
        report: Report | None,
    ) -> None:
        self.history = history
        self._config = config
        self._classes = classes
        self._folder = folder
        self._run = run
        self._check_signals = check_signals
        self._report = report
        self._progress = Progress(config.max_epochs, images, len(history.epochs), config.monitor)
        self._epoch_started = 0.0
        self._trained = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._epoch_started = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: tuple[Tensor, Tensor],
        batch_idx: int,
    ) -> None:
        """Advance the progress; check for signals and for a loss that is not finite."""
        del pl_module
        self._progress.batch(len(batch[1]))
        self._check_signals()
        last = batch_idx + 1 == trainer.num_training_batches
        if last or batch_idx % _NAN_CHECK == 0:
            loss = outputs["loss"].item()  # also waits for the device, so that the time is right
            if not math.isfinite(loss):
                raise Diverged(f"the loss became {loss} in epoch {len(self.history.epochs) + 1}")
        if last:
            self._trained = time.monotonic() - self._epoch_started

    def on_validation_batch_end(self, *_: Any) -> None:
        """Check for signals."""
        self._check_signals()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure, keep, record, show, perhaps stop."""
        module = _module(pl_module)
        epoch = len(self.history.epochs) + 1
        metrics = module.epoch_metrics(self._classes)
        metrics["images_per_second"] = len(module.order) / self._trained
        if not math.isfinite(metrics["val/loss"]):
            raise Diverged(f"the validation loss became {metrics['val/loss']} in epoch {epoch}")
        module.end_epoch(metrics["val/loss"])

        seconds = self.history.seconds + time.monotonic() - self._epoch_started
        self.history = History([*self.history.epochs, metrics], seconds)
        is_best = self.history.best_epoch(self._config.monitor) == epoch
        if is_best:
            checkpoint.save_weights(self._folder / checkpoint.BEST, module.scored.state_dict())
        checkpoint.save_state(
            self._folder / checkpoint.LAST, {**module.state(), **self.history._asdict()}
        )
        self._run.log_epoch(epoch, metrics)
        self._progress.epoch(metrics, is_best)
        if self._report is not None:
            self._report(epoch, metrics)
        self._check_signals()
        trainer.should_stop = is_complete(self.history, self._config)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the progress bar."""
        del trainer, pl_module
        self._progress.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the progress bar."""
        del trainer, pl_module, exception
        self._progress.close()


def _module(module: pl.LightningModule) -> ExpressionModule:
    assert isinstance(module, ExpressionModule)  # noqa: S101  for the type checker
    return module
