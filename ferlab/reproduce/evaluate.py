"""Score a recorded model on a split, once, and keep the score on its run."""

import logging
from dataclasses import dataclass

import torch

from ferlab.analysis.classification import ClassScores
from ferlab.analysis.predictions import Predictions
from ferlab.config import Config, check
from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.errors import DataError
from ferlab.models.classifier import Classifier
from ferlab.reproduce.recorded import PREDICTIONS, fetch, read_config
from ferlab.tracking import artifacts, pyfunc_model
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import CONFIG, IMAGES, Run
from ferlab.tracking.store import Client
from ferlab.training.assemble import set_up_torch
from ferlab.training.scoring import predict

_ROUNDING = 0.01
"""Share of the images whose class another machine's rounding may change."""

_log = logging.getLogger("ferlab")


@dataclass(frozen=True)
class Evaluation:
    """A recorded model's score on a split.

    Attributes:
        run_id: whose model it is.
        split: ``test`` or ``val``.
        accuracy: share of images read rightly.
        f1: macro F1.
        images: in the split.
        is_new: whether it was scored now, or had been before.
    """

    run_id: str
    split: str
    accuracy: float
    f1: float
    images: int
    is_new: bool


def evaluate(client: Client, entry: Entry, split: str) -> Evaluation:
    """Score a finished run's model on a split of its data, or tell the score that it has.

    A split is scored once per run and state of the data: the run then has the metrics
    ``test/accuracy``, ``test/f1`` and ``test/images``, the artifact ``predictions/test.csv``, and
    the data's digest in the tag ``ferlab.test.data.digest``. It is scored in float32, on the run's
    device, or on the CPU where there is no GPU.

    Args:
        client: of the store.
        entry: the run; of a trial of several seeds, one of them.
        split: ``test`` or ``val``; the validation split has been scored by training.

    Raises:
        FerlabError: the model, the config or the data is gone, or the data has changed; or the
            model's code has, so that it does not say what it said when it was trained.
    """
    if split == "val":
        rows = len(Predictions.read(fetch(client, entry)[PREDICTIONS].decode()).labels)
        scores = entry.metrics["best/accuracy"], entry.metrics["best/f1"]
        return Evaluation(entry.run_id, split, *scores, rows, False)
    digest = entry.tags.get("ferlab.data.digest", "")
    if entry.tags.get(f"ferlab.{split}.data.digest") == digest:
        scores = entry.metrics[f"{split}/accuracy"], entry.metrics[f"{split}/f1"]
        rows = int(entry.metrics[f"{split}/images"])
        return Evaluation(entry.run_id, split, *scores, rows, False)
    files = fetch(client, entry, (CONFIG,))
    config = check(read_config(files[CONFIG]))
    images, _ = prepare(config.data)
    _require_unchanged(entry, images, files.get(IMAGES))
    if not len(images.indices(Split[split.upper()])):
        raise DataError(f"the data of run {entry.run_id} has no {split} images")
    classifier = _model(client, entry)
    set_up_torch(config)
    classifier.to(_device(entry, config))
    size = config.trainer.batch_size
    if PREDICTIONS in files:
        before = Predictions.read(files[PREDICTIONS].decode())
        _require_same_model(entry, before, predict(classifier, images, size, Split.VAL))
    predictions = predict(classifier, images, size, Split[split.upper()])
    reached = ClassScores(predictions.labels, predictions.predicted, images.classes)
    accuracy, f1 = reached.accuracy, reached.macro_f1
    _record(client, entry, split, predictions, images, accuracy, f1)
    return Evaluation(entry.run_id, split, accuracy, f1, len(predictions.labels), True)


def is_scored(entry: Entry, split: str) -> bool:
    """Whether a run's model has been scored on a split, whatever its data was."""
    return f"ferlab.{split}.data.digest" in entry.tags


def _require_unchanged(entry: Entry, images: ImageSet, before: bytes | None) -> None:
    digest = entry.tags.get("ferlab.data.digest")
    if images.digest == digest:
        return
    what = f"its digest was {digest}, and is {images.digest} now"
    if before is not None:
        now = fingerprint.fingerprint(images)
        what = str(
            fingerprint.describe_changes(fingerprint.from_bytes(before), now, images.names.tolist())
        )
    raise DataError(f"the data of run {entry.run_id} has changed: {what}")


def _require_same_model(entry: Entry, before: Predictions, now: Predictions) -> None:
    differ = int((before.predicted != now.predicted).sum())
    if differ > _ROUNDING * len(now.labels):
        raise DataError(
            f"the code of the model of run {entry.run_id} has changed: of {len(now.labels):,} "
            f"validation images {differ:,} are other classes now than when it was trained; go back "
            "to its code"
        )


def _model(client: Client, entry: Entry) -> Classifier:
    """The recorded model; nothing is unpickled, and only what is allowed is built."""
    with artifacts.model(client, entry.run_id) as folder:
        network = pyfunc_model.load_model(folder).network
    if not isinstance(network, Classifier):
        raise DataError(f"the model of run {entry.run_id} is not one that ferlab trains")
    return network


def _device(entry: Entry, config: Config) -> torch.device:
    """The device of the run; the CPU where it was a GPU and torch sees none."""
    if config.trainer.device == "cuda" and not torch.cuda.is_available():
        _log.info("on       cpu: torch sees no GPU, on which run %s was trained", entry.run_id)
        return torch.device("cpu")
    return torch.device(str(config.trainer.device))


def _record(
    client: Client,
    entry: Entry,
    split: str,
    predictions: Predictions,
    images: ImageSet,
    accuracy: float,
    f1: float,
) -> None:
    run = Run(client, entry.run_id)
    run.log_text(predictions.table(images.classes), f"predictions/{split}.csv")
    run.log_summary(  # last, for it says that the rest is there
        {
            f"{split}/accuracy": accuracy,
            f"{split}/f1": f1,
            f"{split}/images": float(len(predictions.labels)),
        },
        {
            f"ferlab.{split}.data.digest": images.digest,
            f"ferlab.{split}.predictions.digest": predictions.digest,
        },
    )
