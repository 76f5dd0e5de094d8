"""Score a recorded model on a split, once, and keep the score on its run."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ferlab.analysis.calibration import reliability, tempered
from ferlab.analysis.classification import ClassScores
from ferlab.analysis.predictions import Predictions
from ferlab.config import Config, check
from ferlab.config.parts.data import Data
from ferlab.data import fingerprint, splits
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import Classifier
from ferlab.models.ensemble import Ensemble
from ferlab.reproduce import ledger
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.tracking import artifacts, origin, pyfunc_model
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import CONFIG, IMAGES, MEMBERS, SOURCES, Run
from ferlab.tracking.store import Client
from ferlab.training.assemble import set_up_torch
from ferlab.training.scoring import predict, predict_with_and_without_views
from ferlab.untrusted import bounded

_ROUNDING = 0.01
"""Share of the images whose class another machine's rounding may change."""

MORE = (
    "one_view/accuracy",
    "one_view/f1",
    "calibration_error",
    "calibration_error/tempered",
    "unshared/accuracy",
    "unshared/images",
)
"""What else a split is scored by: of a model of several views, the images without them; how far the
probabilities can be taken at their word, as they are and at the validation images' temperature; and
the images that no training image equals, dropped or not, where some do.
"""

_log = logging.getLogger("ferlab")


@dataclass(frozen=True)
class Evaluation:
    """A recorded model's score on a split.

    Attributes:
        run_id: id of the run whose model it is.
        split: ``test`` or ``val``.
        accuracy: share of images classified correctly.
        f1: macro F1.
        images: number of images in the split.
        is_new: whether this call scored it; False if it had been scored before.
        more: what else was measured, by the names of `MORE`.
    """

    run_id: str
    split: str
    accuracy: float
    f1: float
    images: int
    is_new: bool
    more: Mapping[str, float]


@dataclass(frozen=True)
class RecordedModel:
    """A recorded model, ready to score images as its run did.

    Attributes:
        config: of its run; of a model that is made of several runs, the first one's.
        images: its data.
        classifier: on the run's device, or on the CPU where there is no GPU.
        network: how it is built; see `ferlab.tracking.pyfunc_model.save`.
        temperature: that was fitted to its predictions; None if none was.
    """

    config: Config
    images: ImageSet
    classifier: Classifier | Ensemble
    network: Mapping[str, Any]
    temperature: float | None

    def predict(self, split: Split) -> Predictions:
        """Score a split's images."""
        return predict(self.classifier, self.images, self.config.trainer.batch_size, split)


class Evaluator:
    """Scores recorded models on a split of their data; data that they share is read once.

    Args:
        client: an MLflow client of the store.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._images: dict[str, ImageSet] = {}

    def evaluate(self, entry: Entry, split: str) -> Evaluation:
        """Score a finished run's model, or return its recorded score.

        A split is scored once per run and state of the data: the run then has the metrics
        ``test/accuracy``, ``test/f1`` and ``test/images``, those of `MORE` that apply, the artifact
        ``predictions/test.csv``, and the data's digest in the tag ``ferlab.test.data.digest``. It
        is scored in float32, on the run's device, or on the CPU where there is no GPU.

        Args:
            entry: the run; for a trial of several seeds, the run of one seed.
            split: ``test`` or ``val``; the validation split has been scored by training.

        Raises:
            FerlabError: the model, the config or the data is gone, or the data has changed; or the
                model's code has, and it predicts otherwise than when it was trained.
        """
        if (known := self._recorded_score(entry, split)) is not None:
            return known
        model = self.load(entry)
        images = model.images
        if not len(images.indices(Split[split.upper()])):
            raise DataError(f"the data of run {entry.run_id} has no {split} images")
        predictions, more = _scored(model, Split[split.upper()])
        more |= _calibration(predictions, model.temperature)
        more |= _unshared(predictions, images, Split[split.upper()])
        metrics = {**_scores(predictions, images), "images": float(len(predictions.labels)), **more}
        _record(self._client, entry, split, predictions, images, metrics)
        accuracy, f1, rows = metrics["accuracy"], metrics["f1"], len(predictions.labels)
        return Evaluation(entry.run_id, split, accuracy, f1, rows, True, more)

    def load(self, entry: Entry, files: Mapping[str, str] | None = None) -> RecordedModel:
        """Load a finished run's model and its data; errors are those of `evaluate`.

        Nothing is unpickled, and only allowed targets are built.

        Args:
            entry: see `evaluate`.
            files: where its data lies now, by keys of `ferlab.config.parts.data.FILES`.
        """
        about = MEMBERS if entry.members else CONFIG
        wanted = (about, PREDICTIONS, IMAGES, SOURCES)
        kept = artifacts.read_files(self._client, entry.run_id, wanted, (about,))
        plain = bounded.read_config(kept[about], max(1, len(entry.members)))
        recorded = _configs(plain, bool(entry.members))
        configs = [_with_data_at(each, files or {}) for each in recorded]
        config = configs[0]
        images = self._prepared(config.data)
        _require_unchanged(entry, images, kept.get(IMAGES))
        with artifacts.model(self._client, entry.run_id) as folder:
            served = pyfunc_model.load_model(folder)
        classifier = served.network
        if not isinstance(classifier, Classifier | Ensemble):
            raise DataError(f"the model of run {entry.run_id} is not one that ferlab makes")
        set_up_torch(config)
        classifier.to(_device(entry, config))
        model = RecordedModel(config, images, classifier, served.built_by, served.temperature)
        targets = frozenset[str]().union(*(each.targets() for each in configs))
        if PREDICTIONS in kept and not self._is_same_code(entry, targets, kept):
            before = Predictions.read(kept[PREDICTIONS].decode())
            _require_same_model(entry, before, model.predict(Split.VAL))
        return model

    def _recorded_score(self, entry: Entry, split: str) -> Evaluation | None:
        """The score that is recorded on the run; None if there is none."""
        if split == "val":
            files = artifacts.read_files(self._client, entry.run_id, [PREDICTIONS], [PREDICTIONS])
            rows = len(Predictions.read(files[PREDICTIONS].decode()).labels)
            scores = entry.metrics["best/accuracy"], entry.metrics["best/f1"]
            return Evaluation(entry.run_id, split, *scores, rows, False, _more(entry, "best"))
        digest = entry.tags.get("ferlab.data.digest", "")
        if entry.tags.get(f"ferlab.{split}.data.digest") != digest:
            return None
        scores = entry.metrics[f"{split}/accuracy"], entry.metrics[f"{split}/f1"]
        rows = int(entry.metrics[f"{split}/images"])
        return Evaluation(entry.run_id, split, *scores, rows, False, _more(entry, split))

    def _prepared(self, data: Data) -> ImageSet:
        key = data.model_dump_json(by_alias=True)
        if key not in self._images:
            self._images.clear()  # one data set at a time is enough memory
            self._images[key], _ = prepare(data)
        return self._images[key]

    def _is_same_code(
        self, entry: Entry, targets: frozenset[str], files: Mapping[str, bytes]
    ) -> bool:
        """Whether no code or library that the model's predictions depend on has changed since."""
        return SOURCES in files and not origin.changed(self._client, entry.run_id, targets)


def is_scored(entry: Entry, split: str) -> bool:
    """Whether a run's model has been scored on a split, whatever its data was."""
    return f"ferlab.{split}.data.digest" in entry.tags


def _more(entry: Entry, section: str) -> dict[str, float]:
    """Those of `MORE` that are recorded."""
    recorded = {name: entry.metrics.get(f"{section}/{name}") for name in MORE}
    return {name: value for name, value in recorded.items() if value is not None}


def _scored(model: RecordedModel, split: Split) -> tuple[Predictions, dict[str, float]]:
    """A split's predictions, and those of `MORE` that apply to the model."""
    classifier, images = model.classifier, model.images
    if isinstance(classifier, Ensemble) or len(classifier.views) == 1:
        return model.predict(split), {}
    size = model.config.trainer.batch_size
    over_views, alone = predict_with_and_without_views(classifier, images, size, split)
    scores = _scores(alone, images)
    return over_views, {f"one_view/{name}": value for name, value in scores.items()}


def _scores(predictions: Predictions, images: ImageSet) -> dict[str, float]:
    found = ClassScores(predictions.labels, predictions.predicted, images.classes)
    return {"accuracy": found.accuracy, "f1": found.macro_f1}


def _calibration(predictions: Predictions, temperature: float | None) -> dict[str, float]:
    labels, probabilities = predictions.labels, predictions.probabilities
    errors = {"calibration_error": reliability(probabilities, labels).calibration_error}
    if temperature is not None:
        mended = reliability(tempered(probabilities, temperature), labels)
        errors["calibration_error/tempered"] = mended.calibration_error
    return errors


def _unshared(predictions: Predictions, images: ImageSet, split: Split) -> dict[str, float]:
    """The score without what a training image equals, dropped as a leak or not.

    Others' networks have been trained on those, so on the rest they compare.
    """
    new = ~splits.shared(images, split, (Split.TRAIN, Split.UNUSED))
    if new.all() or not new.any():
        return {}
    right = predictions.predicted[new] == predictions.labels[new]
    return {"unshared/accuracy": float(right.mean()), "unshared/images": float(new.sum())}


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


def _configs(recorded: Mapping[str, Any], has_members: bool) -> list[Config]:
    """The config that a run recorded, or those of its members."""
    if not has_members:
        return [check(recorded)]
    try:
        members = [dict(member["config"]) for member in recorded["members"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a recorded {MEMBERS} is damaged: {error!r}") from error
    return [check(member) for member in members]


def _with_data_at(config: Config, files: Mapping[str, str]) -> Config:
    """A config whose data lies where these keys say."""
    plain = config.plain()
    if missing := [key for key in files if key.removeprefix("data.") not in plain["data"]]:
        raise ConfigError(f"the run's data, {config.data.name}, has no {', '.join(missing)}")
    here = {key.removeprefix("data."): path for key, path in files.items()}
    return check({**plain, "data": {**plain["data"], **here}})


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
    metrics: Mapping[str, float],
) -> None:
    run = Run(client, entry.run_id)
    run.log_text(predictions.table(images.classes), f"predictions/{split}.csv")
    run.log_summary(  # last: its tags mark the evaluation as complete
        {f"{split}/{name}": value for name, value in metrics.items()},
        {
            f"ferlab.{split}.data.digest": images.digest,
            ledger.IMAGES: images.split_digest(Split[split.upper()]),
            ledger.SCORED_AT: ledger.scored_now(),
            f"ferlab.{split}.predictions.digest": predictions.digest,
        },
        artifacts.model_id(client, entry.run_id),
    )
