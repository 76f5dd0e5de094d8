"""The model that a user names, loaded without running anything that it brings along."""

from typing import NamedTuple

from ferlab.reproduce.resolve import resolve_finished
from ferlab.tracking import artifacts, pyfunc_model, store
from ferlab.use.reader import Model


class NamedModel(NamedTuple):
    """A model, and what it is.

    Attributes:
        model: scores images.
        what: it is, for people to read.
    """

    model: Model
    what: str


def load_named(name: str) -> NamedModel:
    """The model of a run; of a trial of several seeds, that of the best of them by validation.

    Args:
        name: see `ferlab.tracking.find.resolve`.

    Raises:
        FerlabError: there is no such run, it has not finished, or its model is gone or damaged.
    """
    client = store.connect(None, make=False)
    entry = resolve_finished(client, name)
    if entry.seeds:
        entry = max(entry.seeds, key=lambda seed: seed.metrics["best/accuracy"])
    with artifacts.model(client, entry.run_id) as folder:
        model = pyfunc_model.load_model(folder)
    return NamedModel(model, f"run {entry.run_id}: {entry.name}")
