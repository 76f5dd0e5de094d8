"""Several recorded models made one, which scores the validation images; nothing is recorded."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ferlab.analysis.predictions import Predictions
from ferlab.data.batches import shuffled
from ferlab.data.imageset import ImageSet, Split
from ferlab.ensemble.members import list_differences
from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import Classifier
from ferlab.models.ensemble import Ensemble, mean_weights, recompute_statistics
from ferlab.models.views import WHOLE, views_named
from ferlab.recording.artifacts import FinishedModel
from ferlab.reproduce.recorded import Recorded, fetch
from ferlab.reproduce.recorded_model import Loader, RecordedModel
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client
from ferlab.training.assemble import set_up_torch

Way = Literal["ensemble", "soup"]
"""The mean of probabilities, or of weights."""


@dataclass(frozen=True)
class MemberRun:
    """A run that is part of a model.

    Attributes:
        entry: as the store has it.
        recorded: what it recorded.
        model: its model.
        predictions: as recorded, on the validation split.
    """

    entry: Entry
    recorded: Recorded
    model: RecordedModel
    predictions: Predictions


@dataclass(frozen=True)
class Combined:
    """A model that is made of several runs.

    Attributes:
        way: of making it.
        views: over which it scores, by name; None for each member's own.
        members: at least two, or one over other views than its own.
        model: the model, scoring as the first member does.
        predictions: its own, on the validation split.
    """

    way: Way
    views: str | None
    members: tuple[MemberRun, ...]
    model: RecordedModel
    predictions: Predictions

    @cached_property
    def finished(self) -> FinishedModel:
        """The same, as its artifacts are made from it."""
        return FinishedModel(self.model.images, self.model.classifier, self.predictions)


def combine(
    client: Client, entries: Sequence[Entry], way: Way, views: str | None = None
) -> Combined:
    """Load the models of some runs, make one of them, and score the validation images by it.

    Args:
        client: an MLflow client of the store.
        entries: finished runs of the same data; see `ferlab.ensemble.members.find_members`.
        way: of making it.
        views: over which it scores, by name; None for each member's own.

    Raises:
        FerlabError: a model or the data is gone or has changed; or weights are to be averaged of
            networks that are not the same.
    """
    loader = Loader(client)
    members = tuple(_loaded(client, loader, entry, views) for entry in entries)
    for member in members[1:]:
        _require_same_images(members[0], member)
    set_up_torch(members[0].model.config)
    model = _soup(members) if way == "soup" else _ensemble(members)
    return Combined(way, views, members, model, model.predict(Split.VAL))


def _loaded(client: Client, loader: Loader, entry: Entry, views: str | None) -> MemberRun:
    recorded = Recorded.read(fetch(client, entry))
    if recorded.predictions is None:
        raise DataError(f"run {entry.run_id} has no predictions of the validation images")
    model = loader.load(entry)
    if views is not None and isinstance(model.classifier, Classifier):
        model.classifier.views = views_named(views)
        model = replace(model, network={**model.network, "views": views})
    return MemberRun(entry, recorded, model, recorded.predictions)


def _require_same_images(first: MemberRun, member: MemberRun) -> None:
    """Refuse another data set, as far as it validates and tests."""
    one, other = first.model.images, member.model.images
    if one.digest == other.digest:
        return
    same = [
        one.split_digest(split) == other.split_digest(split) for split in (Split.VAL, Split.TEST)
    ]
    names = [each.predictions.names.tolist() for each in (first, member)]
    if not all(same) or one.classes != other.classes or names[0] != names[1]:
        raise DataError(
            f"runs {first.entry.run_id} and {member.entry.run_id} are not scored on the same images"
        )


def _ensemble(members: Sequence[MemberRun]) -> RecordedModel:
    first = members[0].model
    network = {
        "_target_": "ferlab.models.ensemble.build_ensemble",
        "members": [dict(member.model.network) for member in members],
    }
    ensemble = Ensemble(_classifiers(members)).eval()
    return replace(first, classifier=ensemble, network=network, temperature=None)


def _soup(members: Sequence[MemberRun]) -> RecordedModel:
    first = members[0].model
    for member in members[1:]:
        if differ := list_differences(first.network, member.model.network):
            raise ConfigError(
                f"runs {members[0].entry.run_id} and {member.entry.run_id} have not the same "
                f"network, of which alone weights can be averaged ({differ})"
            )
    classifiers = _classifiers(members)
    classifier = copy.deepcopy(classifiers[0])
    classifier.load_state_dict(mean_weights([each.state_dict() for each in classifiers]))
    size = first.config.trainer.batch_size
    views, classifier.views = classifier.views, (WHOLE,)
    recompute_statistics(classifier, _training_batches(first.images, size, _device(classifier)))
    classifier.views = views
    return replace(first, classifier=classifier, temperature=None)


def _classifiers(members: Sequence[MemberRun]) -> list[Classifier]:
    """The members' networks, on the device of the first."""
    found = [m.model.classifier for m in members if isinstance(m.model.classifier, Classifier)]
    return [classifier.to(_device(found[0])) for classifier in found]


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _training_batches(images: ImageSet, size: int, device: torch.device) -> Iterator[Tensor]:
    """The training images in an order that mixes the classes, in parts of about the same size."""
    index = images.indices(Split.TRAIN)
    mixed = index[shuffled(len(index), seed=0, epoch=0).numpy()]
    for part in np.array_split(mixed, max(1, len(mixed) // size)):
        yield torch.from_numpy(images.images[part]).to(device)
