"""From a config and its images to the module and the Trainer of one run."""

import logging
import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ferlab import instantiate
from ferlab.config.networks import Model
from ferlab.config.problems import Problem, report
from ferlab.config.schema import Config
from ferlab.data.augmentation.augment import BatchAugmentation
from ferlab.data.augmentation.mix import Mix
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import ConfigError
from ferlab.models import classifier
from ferlab.models.classifier import Classifier
from ferlab.models.cnn import IMAGE_SIZE
from ferlab.training.module import ExpressionModule, Pixels, Scheduler
from ferlab.training.recipe.resolution import Resolutions
from ferlab.training.recipe.skipping import SkipEasy

_DEFAULT_THREADS = torch.get_num_threads()
"""Torch's own number of threads, one per physical core, before any run sets another."""


def on_this_machine(config: Config) -> Config:
    """Resolve ``auto`` to this machine's device, number of threads and precision."""
    trainer = config.trainer
    device, threads, precision = trainer.device, trainer.threads, trainer.precision
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        missing = Problem("trainer.device", "torch sees no CUDA device; say cpu or auto")
        raise ConfigError(report([missing]))
    if device == "cpu" and precision == "16-mixed":
        needed = Problem("trainer.precision", "16-mixed needs a GPU; take 32-true")
        raise ConfigError(report([needed]))
    if threads == "auto":
        said = os.environ.get("OMP_NUM_THREADS", "")  # who was forked may have another than torch
        threads = (int(said) if said.isdigit() else 0) or _DEFAULT_THREADS
    if precision == "auto":
        precision = "bf16-mixed" if _multiplies_bfloat16(device) else "32-true"
    update = {"device": device, "threads": threads, "precision": precision}
    return config.model_copy(update={"trainer": trainer.model_copy(update=update)})


def _multiplies_bfloat16(device: str) -> bool:
    """Whether it has instructions for that; a CPU without takes 20 times as long as in float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def fit_classes(config: Config, images: ImageSet) -> Config:
    """Give the network an output for each class of the data; refuse another number, if one is set.

    Raises:
        ConfigError: it has another number of outputs.
    """
    if config.model.classes == "auto":
        return config.with_classes(len(images.classes))
    if config.model.classes != len(images.classes):
        text = f"{config.model.classes}, but the data has {len(images.classes)} classes"
        names = ", ".join(images.classes)
        raise ConfigError(report([Problem("model.classes", f"{text} ({names})")]))
    return config


def make_module(
    config: Config, images: ImageSet, normalisation: tuple[float, float], allow: Collection[str]
) -> ExpressionModule:
    """The module of a run, its weights drawn from the seed.

    Args:
        config: the whole config.
        images: the data set, split.
        normalisation: mean and standard deviation of grey levels in [0, 1].
        allow: see `ferlab.instantiate.require_allowed`.
    """
    torch.manual_seed(config.seed)
    trainer, augmentation, skip = config.trainer, config.augmentation, config.trainer.skip_easy
    labels = torch.from_numpy(images.labels.astype(np.int64))
    pixels = Pixels(
        images=torch.from_numpy(images.images),
        labels=labels,
        targets=labels if images.targets is None else torch.from_numpy(images.targets),
        train=torch.from_numpy(images.indices(Split.TRAIN)),
        val=torch.from_numpy(images.indices(Split.VAL)),
    )
    module = ExpressionModule(
        classifier.build_allowed(config.model.network(), *normalisation, allow, trainer.views),
        BatchAugmentation(**augmentation.of_images()),
        Mix(augmentation.mixup, augmentation.cutmix, len(images.classes)),
        pixels,
        classes=len(images.classes),
        seed=config.seed,
        batch_size=trainer.batch_size,
        is_balanced=trainer.sampling == "balanced",
        resolutions=Resolutions(tuple(trainer.resolutions), trainer.max_epochs),
        loss=instantiate.call(
            config.loss.model_dump(by_alias=True), allow, class_counts=_class_counts(images)
        ),
        skip=SkipEasy(len(labels), skip, trainer.max_epochs) if skip else None,
        ema=trainer.ema,
        make_optimizer=partial(_make_optimizer, config=config, allow=allow),
    )
    _dry_run(module, config)
    return module


def _dry_run(module: ExpressionModule, config: Config) -> None:
    """Check, before a run is created, that the network scores images and can be optimised."""
    network = module.classifier.eval()
    with torch.no_grad():
        scored = network(torch.zeros(2, 48, 48, dtype=torch.uint8))
    if scored.shape != (2, config.model.classes):
        raise ConfigError(
            f"'{config.model.target}' gives {tuple(scored.shape)} for 2 images; "
            f"it must give logits of shape (2, {config.model.classes})"
        )
    for size in module.resolutions.sizes:
        if size != IMAGE_SIZE:
            _require_size(network, size, config.model)
    _, targets = module.mix(torch.zeros(2, 1, IMAGE_SIZE, IMAGE_SIZE), module.pixels.targets[:2])
    lost = module.loss(scored, targets)
    if not isinstance(lost, Tensor) or lost.shape != ():
        raise ConfigError(f"'{config.loss.target}' gives no single number for the loss of a batch")
    network.train()
    module.make_optimizer(list(network.parameters()), 1)


def _require_size(network: Classifier, size: int, model: Model) -> None:
    """Refuse a network that cannot score images of a size at which it would train."""
    text = f"'{model.target}' cannot score images of {size}x{size} pixels"
    try:
        with torch.no_grad():
            scored = network.score(torch.zeros(2, 1, size, size))
    except Exception as error:  # a user's own network may raise anything
        why = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigError(report([Problem("trainer.resolutions", f"{text} ({why})")])) from error
    if scored.shape != (2, model.classes):
        text += f": it gives {tuple(scored.shape)} for 2 of them"
        raise ConfigError(report([Problem("trainer.resolutions", text)]))


def set_up_torch(config: Config) -> None:
    """Set torch's global options, for training and for scoring alike."""
    torch.set_num_threads(int(config.trainer.threads))
    # Deterministic mode would fill new memory with NaN, to show reads of it; that costs 5 %.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def train_epochs(
    module: ExpressionModule,
    config: Config,
    epochs: int,
    callback: pl.Callback,
    validate: bool = True,
) -> None:
    """Train the epochs that are left; logging, progress and checkpoints are the callback's."""
    with _quiet():
        _make_trainer(config, epochs, callback, validate).fit(module)


def _make_trainer(config: Config, epochs: int, callback: pl.Callback, validate: bool) -> pl.Trainer:
    trainer = config.trainer
    return pl.Trainer(
        accelerator="gpu" if trainer.device == "cuda" else "cpu",
        devices=1,
        precision=trainer.precision,  # type: ignore[arg-type]  # auto is resolved by now
        max_epochs=epochs,
        gradient_clip_val=trainer.gradient_clip,
        callbacks=[callback],
        reload_dataloaders_every_n_epochs=1,  # each epoch has its own order
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validate else 0,
        # On a GPU, max-pooling has no kernel that is declared deterministic, although without
        # overlap it is; so a GPU warns where the CPU refuses.
        deterministic="warn" if trainer.device == "cuda" else True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def normalisation(images: ImageSet, how: str) -> tuple[float, float]:
    """Mean and standard deviation of the training images' grey levels / 255; (0, 1) for unit."""
    if how == "unit":
        return 0.0, 1.0
    train = images.images[images.indices(Split.TRAIN)]
    counts = np.bincount(train.reshape(-1), minlength=256)  # 256 levels: exact and quick
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    return mean, float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))


def _class_counts(images: ImageSet) -> Tensor:
    """Number of training images of each class, float32 (classes,)."""
    return torch.tensor(list(images.counts(Split.TRAIN).values()), dtype=torch.float32)


def _make_optimizer(
    parameters: list[nn.Parameter], steps_per_epoch: int, config: Config, allow: Collection[str]
) -> tuple[Optimizer, Scheduler]:
    optimizer = instantiate.call(
        config.optimizer.model_dump(by_alias=True), allow, params=parameters
    )
    if not config.trainer.decay_norms:
        _spare_vectors(optimizer)
    steps = config.trainer.max_epochs * steps_per_epoch
    scheduler = instantiate.call(
        config.scheduler.model_dump(by_alias=True), allow, optimizer=optimizer, steps=steps
    )
    return optimizer, scheduler


def _spare_vectors(optimizer: Optimizer) -> None:
    """Take weight decay from what has one dimension: parameters of norms, and biases."""
    for group in list(optimizer.param_groups):
        vectors = [p for p in group["params"] if p.dim() < 2]
        if vectors:
            group["params"] = [p for p in group["params"] if p.dim() > 1]
            optimizer.add_param_group({**group, "params": vectors, "weight_decay": 0.0})


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice about loggers, loaders and hardware from the user's terminal."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        try:
            yield
        finally:
            logger.setLevel(level)
