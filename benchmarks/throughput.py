"""Training throughput: `ferlab train` against a bare torch loop, and against the usual pipeline."""

import logging
import statistics
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from PIL import Image, ImageEnhance
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from benchmarks.measure import TrialRow, compare, scratch
from ferlab.config import Config
from ferlab.config.compose import compose
from ferlab.data.augmentation.augment import BatchAugmentation
from ferlab.data.batches import Batches, shuffled
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.models import classifier
from ferlab.models.classifier import to_unit
from ferlab.models.cnn import IMAGE_SIZE
from ferlab.training.run import train

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
EPOCHS = 2


def rows() -> Iterator[TrialRow]:
    """Both comparisons, in images per second of training."""
    for model, images in (("compact", 6000), ("seed", 700)):
        config = _config(model, images)
        yield compare(
            f"training, `{model}`",
            "bare torch loop, same tensors, model and augmentation",
            partial(_ferlab, config),
            partial(_bare, config),
            "images/s",
            ">= 0.95",
        )
    config = _config("compact", 6000)
    yield compare(
        "training, `compact`",
        "JPEG folder, PIL transforms, DataLoader (2 workers), Lightning + MLFlowLogger",
        partial(_ferlab, config),
        partial(_usual, config),
        "images/s",
        "> 1",
    )


def _config(model: str, images: int) -> Config:
    batch = 32 if model == "seed" else 128
    return compose(
        [
            f"model={model}",
            f"data.images={images}",
            f"trainer.batch_size={batch}",
            f"trainer.max_epochs={EPOCHS}",
        ]
    )


def _ferlab(config: Config) -> float:
    """What the run itself records: its median epoch."""
    seen: list[float] = []
    with scratch():
        train(config, report=lambda _, metrics: seen.append(metrics["images_per_second"]))
    return statistics.median(seen)


def _bare(config: Config) -> float:
    """The shortest loop that does the same work on the same tensors."""
    images, _ = _images(config)
    pixels = torch.tensor(np.asarray(images.images))
    labels = torch.from_numpy(images.labels.astype(np.int64))
    index = torch.from_numpy(images.indices(Split.TRAIN))
    torch.manual_seed(0)
    model = classifier.build(config.model.network(), 0.5, 0.25).train()
    augment = BatchAugmentation(**config.augmentation.of_images())
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    speeds = []
    for epoch in range(EPOCHS):
        started = time.monotonic()
        order = index[shuffled(len(index), 0, epoch)]
        for batch, truth in Batches(pixels, labels, config.trainer.batch_size, order=order):
            optimizer.zero_grad()
            loss = cross_entropy(model.score(augment(to_unit(batch))), truth)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()
        speeds.append(len(index) / (time.monotonic() - started))
    return statistics.median(speeds)


def _images(config: Config) -> tuple[ImageSet, int]:
    return prepare(config.data)


# --- the usual pipeline -------------------------------------------------------------------


class Folder(Dataset[tuple[Tensor, int]]):
    """JPEG files, opened and changed one by one, as tutorials do.

    Args:
        images: of which those of a split are written.
        split: that one.
        folder: that is to have the files.
        augments: whether they are changed.

    Attributes:
        size: of what is given, in pixels.
    """

    def __init__(self, images: ImageSet, split: Split, folder: Path, augments: bool = True) -> None:
        index = images.indices(split)
        self.files = [folder / f"{split.name}-{i}.jpg" for i in index]
        self.labels = images.labels[index].tolist()
        self.augments, self.size = augments, IMAGE_SIZE
        for i, file in zip(index, self.files, strict=True):
            Image.fromarray(np.asarray(images.images[i])).save(file, quality=95)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        image: Image.Image = Image.open(self.files[i]).convert("L")
        if self.augments:
            image = self._augmented(image)
        if self.size != IMAGE_SIZE:
            image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(image, np.float32)[None] / 255)
        return (pixels - 0.5) / 0.25, self.labels[i]

    @staticmethod
    def _augmented(image: Image.Image) -> Image.Image:
        rng = np.random.default_rng()
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        shift = tuple(rng.uniform(-4.8, 4.8, 2))
        image = image.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR, translate=shift)
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
        return ImageEnhance.Contrast(image).enhance(rng.uniform(0.8, 1.2))


class _Module(pl.LightningModule):
    """A module that logs its loss every step."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        loss = cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9, nesterov=True)


def _usual(config: Config) -> float:
    images, _ = _images(config)
    with scratch() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = Folder(images, Split.TRAIN, folder)
        loader = DataLoader(data, config.trainer.batch_size, shuffle=True, num_workers=2)
        network = classifier.build(config.model.network(), 0.5, 0.25).network
        times: list[float] = []
        trainer = pl.Trainer(
            max_epochs=EPOCHS,
            accelerator="cpu",
            logger=MLFlowLogger(tracking_uri=f"sqlite:///{folder}/mlflow.db"),
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[_Clock(times)],
        )
        trainer.fit(_Module(network), loader)
    return statistics.median(len(data) / seconds for seconds in times)


class _Clock(pl.Callback):
    """Times each epoch, from the first batch asked for to the last step."""

    def __init__(self, times: list[float]) -> None:
        self.times = times

    def on_train_epoch_start(self, *_: object) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, *_: object) -> None:
        self.times.append(time.monotonic() - self.started)
