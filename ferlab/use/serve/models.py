"""The models that may be asked: the one that was named, and a bounded list of the store's."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ferlab.errors import DataError, TrackingError
from ferlab.tracking import find, store
from ferlab.tracking.entry import Entry
from ferlab.tracking.registry.versions import list_addresses
from ferlab.use.explain.attribution import attribute
from ferlab.use.model import NamedModel, load_named

LISTED = 20
"""Models of a kind that are listed, the newest."""

LOADED = 4
"""Models that are kept in memory beside the one that was named."""

_FRESH = 10.0
"""Seconds after which the store is looked at again."""

Kind = Literal["started", "registered", "study", "run"]


class Offer(NamedTuple):
    """A model that may be asked.

    Attributes:
        name: by which commands and requests name it.
        what: it is, for people to read.
        kind: where it is from.
        run_id: of its run or trial; None for a file.
        accuracy: on the validation images of its run; None if none is recorded.
        explains: whether it can be explained.
    """

    name: str
    what: str
    kind: Kind
    run_id: str | None
    accuracy: float | None
    explains: bool


class SharedModel:
    """A model that threads ask in turn, for what explains a network watches it work.

    Args:
        named: the model.
    """

    def __init__(self, named: NamedModel) -> None:
        self.what = named.what
        self.classes = named.model.classes
        self._model = named.model
        self._network = named.network
        self._lock = threading.Lock()

    def probabilities(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `ferlab.use.reader.Scorer`."""
        with self._lock:
            return self._model.probabilities(images)

    @property
    def explains(self) -> bool:
        """Whether it has gradients to be explained by."""
        return self._network is not None

    def attribution(self, image: npt.NDArray[np.uint8], label: int) -> npt.NDArray[np.float32]:
        """How much each place counted for a class, by Grad-CAM: uint8 (48, 48) -> (48, 48).

        Raises:
            DataError: it cannot be explained.
        """
        if self._network is None:
            raise DataError(f"{self.what} has no gradients to explain it by")
        images, labels = torch.tensor(image).unsqueeze(0), torch.tensor([label])
        with self._lock:
            found = attribute(self._network, images, labels, "grad_cam")
        shares: npt.NDArray[np.float32] = found[0].numpy()
        return shares


class Models:
    """Lists models and loads them; any thread may ask.

    Args:
        name: of the model that is asked by default.

    Raises:
        FerlabError: see `ferlab.use.model.load_named`.
    """

    def __init__(self, name: str) -> None:
        named = load_named(name)
        self.default = SharedModel(named)
        what = named.what.partition(": ")[2] or named.what  # without the run's id
        self._offer = Offer(name, what, "started", None, None, self.default.explains)
        self._lock = threading.Lock()
        self._offers: dict[str, Offer] = {}
        self._looked = -_FRESH
        self._loaded: OrderedDict[tuple[str, str | None], SharedModel] = OrderedDict()

    def offers(self) -> list[Offer]:
        """The models that may be asked, the default first; the others are those of the store.

        Raises:
            TrackingError: the store cannot be read any more.
        """
        with self._lock:
            if time.monotonic() - self._looked >= _FRESH:
                found = {offer.name: offer for offer in _offers()}
                self._offers = {self._offer.name: self._offer} | {
                    name: offer for name, offer in found.items() if name != self._offer.name
                }
                self._looked = time.monotonic()
            return list(self._offers.values())

    def get(self, name: str | None) -> SharedModel | None:
        """A model, loaded if it is not; None where none of that name is offered.

        Raises:
            FerlabError: it cannot be loaded.
        """
        if name in (None, self._offer.name):
            return self.default
        offer = next((offer for offer in self.offers() if offer.name == name), None)
        if offer is None:
            return None
        key = offer.name, offer.run_id  # the best of a study may become another
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = SharedModel(load_named(offer.name))
            self._loaded.move_to_end(key)
            while len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[key]


def _offers() -> Iterator[Offer]:
    """The models of the store; none where there is no store."""
    try:
        client = store.connect(None, make=False)
    except TrackingError:  # a file is served, far from any store
        return
    for address, run_id in list_addresses(client, LISTED):
        with suppress(TrackingError):  # the run was deleted
            yield _offer(address, "registered", find.resolve(client, run_id))
    studies = [e for e in find.list_studies(client) if "ferlab.confirms" not in e.tags]
    names = [entry.study for entry in studies]
    for study in studies[:LISTED]:
        with suppress(TrackingError):  # no trial has the objective
            if best := find.best_trial(client, study):
                is_named = names.count(study.study) == 1
                yield _offer(f"best:{study.study}" if is_named else best.run_id, "study", best)
    for entry in find.list_entries(client, status="finished", single=True, limit=LISTED):
        yield _offer(entry.run_id, "run", entry)


def _offer(name: str, kind: Kind, entry: Entry) -> Offer:
    score = entry.score("val/accuracy")
    return Offer(name, entry.name, kind, entry.run_id, score and score.mean, True)
