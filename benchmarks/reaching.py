"""CPU time until a network reads 65 % of PublicTest: ``python -m benchmarks.reaching RUN``.

RUN is a finished run that came so far, as of ``ferlab train experiments=fer2013_quick``: it says by
which epoch, with which network and recipe. An epoch of each of its resolutions is then timed, and what
all of them took is reckoned from that; in ferlab, and in the pipeline that is usual instead. Its scores
are taken to be the same. Both on one thread, and counted in the CPU time of all their processes.
"""

import argparse
import resource
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from benchmarks.measure import HEADER, compare, scratch
from benchmarks.throughput import Folder
from ferlab.config import Config, check
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.models import classifier, cost
from ferlab.tracking import find, store
from ferlab.tracking.entry import recorded_config
from ferlab.training.assemble import on_this_machine
from ferlab.training.recipe.resolution import Resolutions
from ferlab.training.run import train

GOAL = 0.65
ROUNDS = 2


@dataclass(frozen=True)
class Way:
    """How far a run had to go.

    Attributes:
        config: of the run.
        epochs: how many it needed of each resolution.
    """

    config: Config
    epochs: Counter[int]

    @classmethod
    def of(cls, name: str) -> "Way":
        """That of a recorded run."""
        client = store.connect(None, make=False)
        entry = find.resolve(client, name)
        config = check(recorded_config(client, entry.run_id))
        scores = client.get_metric_history(entry.run_id, "val/accuracy")
        reached = min(score.step for score in scores if score.value >= GOAL)
        sizes = Resolutions(tuple(config.trainer.resolutions), config.trainer.max_epochs)
        return cls(config, Counter(sizes.at(epoch) for epoch in range(reached)))

    @property
    def timed(self) -> Config:
        """The same recipe for an epoch of each resolution, the first of them once more to warm up."""
        sizes = [min(self.epochs), *sorted(self.epochs)]
        plain = self.config.plain()
        here = {"resolutions": sizes, "max_epochs": len(sizes), "threads": 1, "precision": "auto"}
        return on_this_machine(check({**plain, "trainer": {**plain["trainer"], **here}}))

    def minutes(self, ends: Sequence[float]) -> float:
        """For all epochs, from the CPU seconds at the end of each timed one."""
        seconds = dict(zip(sorted(self.epochs), np.diff(ends), strict=True))
        return float(sum(count * seconds[size] for size, count in self.epochs.items())) / 60

    def multiply_adds(self, images: int) -> float:
        """For all epochs: forward, and twice as many backward."""
        network = classifier.build(self.config.model.network(), 0.5, 0.25).network
        return sum(
            3 * images * count * cost.multiply_adds(network, size)
            for size, count in self.epochs.items()
        )


def _ours(way: Way) -> float:
    ends: list[float] = []
    with scratch():
        train(way.timed, report=lambda *_: ends.append(_used()))
    return way.minutes(ends)


def _usual(way: Way, images: ImageSet) -> float:
    config = way.timed.trainer
    with scratch() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        sizes = Resolutions(tuple(config.resolutions), config.max_epochs)
        faces = Folder(images, Split.TRAIN, folder)
        plain = Folder(images, Split.VAL, folder, augments=False)
        module = _Module(way.timed, len(faces))
        clock = _Clock(faces, sizes)
        pl.Trainer(
            max_epochs=config.max_epochs,
            accelerator="cpu",
            precision=config.precision,  # type: ignore[arg-type]
            logger=MLFlowLogger(tracking_uri=f"sqlite:///{folder}/mlflow.db"),
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,  # workers see the size
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[clock],
        ).fit(
            module,
            DataLoader(faces, config.batch_size, shuffle=True, num_workers=1),
            DataLoader(plain, config.batch_size, num_workers=1),
        )
    return way.minutes(clock.ends)


class _Module(pl.LightningModule):
    """The network of a config, with the recipe of `fer2013_quick` as one would write it."""

    def __init__(self, config: Config, images: int) -> None:
        super().__init__()
        self.network = classifier.build(config.model.network(), 0.5, 0.25).network
        self.steps = config.trainer.max_epochs * -(-images // config.trainer.batch_size)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        loss = cross_entropy(self.network(images), labels, label_smoothing=0.1)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        chances = sum(self.network(each).softmax(1) for each in (images, images.flip(3)))
        self.log("val_accuracy", (chances.argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(
            self.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, self.steps, pct_start=0.1)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class _Clock(pl.Callback):
    """Sets the size of each epoch's images, and keeps the CPU time at its end."""

    def __init__(self, faces: Folder, sizes: Resolutions) -> None:
        self.ends: list[float] = []
        self._faces, self._sizes = faces, sizes
        faces.size = sizes.at(0)

    def on_train_epoch_end(self, *_: object) -> None:
        self.ends.append(_used())
        if len(self.ends) < self._sizes.epochs:
            self._faces.size = self._sizes.at(len(self.ends))


def _used() -> float:
    """CPU seconds of this process and all its children, those that ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    seconds = time.process_time() + ended.ru_utime + ended.ru_stime
    return seconds + sum(each.user + each.system for each in alive)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    way = Way.of(parser.parse_args().run)
    images, _ = prepare(way.config.data)
    row = compare(
        f"CPU time to {100 * GOAL:.0f} % of PublicTest, `{way.config.model.name}`",
        "JPEG files, PIL transforms, DataLoader, Lightning + MLFlowLogger, same recipe",
        lambda: _ours(way),
        lambda: _usual(way, images),
        "min",
        "< 1",
        ROUNDS,
    )
    spent = way.multiply_adds(len(images.indices(Split.TRAIN)))
    print(HEADER, row.markdown(), "", sep="\n")
    print(f"after {way.epochs.total()} epochs and {spent / 1e12:.0f} T multiply-adds")


if __name__ == "__main__":
    main()
