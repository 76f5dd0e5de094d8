"""Recorded models, loaded as their runs had them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ferlab.analysis.predictions import Predictions
from ferlab.config import Config, check
from ferlab.config.parts.data import Data
from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet, Split
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import Classifier
from ferlab.models.ensemble import Ensemble
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.tracking import artifacts, origin, pyfunc_model
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import CONFIG, IMAGES, MEMBERS, SOURCES
from ferlab.tracking.store import Client
from ferlab.training.assemble import set_up_torch
from ferlab.training.scoring import predict
from ferlab.untrusted import bounded

_ROUNDING = 0.01
"""Share of the images whose class another machine's rounding may change."""

_log = logging.getLogger("ferlab")


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


class Loader:
    """Loads recorded models; data that they share is read once.

    Args:
        client: an MLflow client of the store.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._images: dict[str, ImageSet] = {}

    def load(self, entry: Entry, files: Mapping[str, str] | None = None) -> RecordedModel:
        """Load a finished run's model and its data.

        Nothing is unpickled, and only allowed targets are built.

        Args:
            entry: the run; for a trial of several seeds, the run of one seed.
            files: where its data lies now, by keys of `ferlab.config.parts.data.FILES`.

        Raises:
            FerlabError: the model, the config or the data is gone, or the data has changed; or the
                model's code has, and it predicts otherwise than when it was trained.
        """
        about = MEMBERS if entry.members else CONFIG
        wanted = (about, PREDICTIONS, IMAGES, SOURCES)
        kept = artifacts.read_files(self._client, entry.run_id, wanted, (about,))
        artifacts.require_model(self._client, entry.run_id)  # before the data is read
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
