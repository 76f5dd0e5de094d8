"""How fast a config trains on this machine, found by training a little of an epoch."""

import time
from collections.abc import Collection
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from ferlab.config import Config
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.training.assemble import (
    fit_classes,
    make_module,
    normalisation,
    on_this_machine,
    set_up_torch,
    train_epochs,
)

_WARM_UP = 5
"""Batches before the clock is started: the first are slower."""

_SECONDS = 4.0
"""That are trained, over all sizes of images, unless an epoch is over before."""


def seconds_per_epoch(config: Config, allow: Collection[str]) -> float:
    """How long an epoch of a config takes, its validation included; nothing is recorded.

    Where training images change their size, each size is measured, and it is the mean epoch.

    Args:
        config: of a run.
        allow: see `ferlab.instantiate.require_allowed`.

    Raises:
        FerlabError: the data or the config cannot be used.
    """
    config = on_this_machine(config)
    images, _ = prepare(config.data, allow)
    config = fit_classes(config, images)
    scale = normalisation(images, config.data.normalize)
    module = make_module(config, images, scale, allow)
    set_up_torch(config)
    shares = list(module.resolutions.shares())
    clocks = [_Clock(_SECONDS / len(shares)) for _ in shares]
    for (first, _), clock in zip(shares, clocks, strict=True):
        module.first_epoch = first  # of this size
        # Validation has one size, so it is timed once.
        train_epochs(module, config, 1, clock, validate=clock is clocks[-1])
    count = len(images.indices(Split.TRAIN))
    trained = sum(
        share * count / clock.images_per_second
        for (_, share), clock in zip(shares, clocks, strict=True)
    )
    return trained + clocks[-1].validation


class _Clock(pl.Callback):
    """Times the batches after the first few, ends the epoch early, and times its validation.

    Args:
        limit: seconds after which the epoch ends.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.images_per_second = 0.0
        self.validation = 0.0
        self._images = 0
        self._started = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._started = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: tuple[Tensor, Tensor],
        batch_idx: int,
    ) -> None:
        """Count; restart the clock after the warm-up, and end the epoch when enough is known."""
        del pl_module
        outputs["loss"].item()  # waits for the device
        self._images += len(batch[1])
        seconds = time.perf_counter() - self._started
        self.images_per_second = self._images / seconds
        if batch_idx + 1 == _WARM_UP:
            self._images, self._started = 0, time.perf_counter()
        elif batch_idx >= _WARM_UP and seconds > self._limit:
            trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._started = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock."""
        del trainer, pl_module
        self.validation = time.perf_counter() - self._started
