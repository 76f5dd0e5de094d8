"""Score a recorded model on a split, once, and keep the score on its run."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferlab.analysis.calibration import reliability, tempered
from ferlab.analysis.classification import ClassScores
from ferlab.analysis.predictions import Predictions
from ferlab.data import splits
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError
from ferlab.models.ensemble import Ensemble
from ferlab.reproduce import ledger
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.reproduce.recorded_model import Loader, RecordedModel
from ferlab.tracking import artifacts
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client
from ferlab.training.scoring import predict_with_and_without_views

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


class Evaluator:
    """Scores recorded models on a split of their data; data that they share is read once.

    Args:
        client: an MLflow client of the store.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loader = Loader(client)

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
            FerlabError: see `ferlab.reproduce.recorded_model.Loader.load`.
        """
        if (known := self._recorded_score(entry, split)) is not None:
            return known
        model = self._loader.load(entry)
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


def _record(
    client: Client,
    entry: Entry,
    split: str,
    predictions: Predictions,
    images: ImageSet,
    metrics: Mapping[str, float],
) -> None:
    run = Run(client, entry.run_id)
    run.log_exactly(predictions.table(images.classes), f"predictions/{split}.csv")
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
