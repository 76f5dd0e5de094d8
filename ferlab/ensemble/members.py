"""The runs that are to be one model: found by their names, refused where they do not fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ferlab.config.parts.data import FILES, TRAINED_ON
from ferlab.config.problems import flatten
from ferlab.errors import DataError, TrackingError
from ferlab.reproduce.resolve import resolve_finished
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client

VIEWS = "trainer.views"
"""The param of a run that names what it is scored over; of several, where they agree in it."""

_DIGEST, _PREDICTED = "ferlab.data.digest", "ferlab.predictions.digest"


def find_members(
    client: Client, names: Sequence[str], views: str | None = None
) -> tuple[Entry, ...]:
    """The finished runs that a user means, in that order; of a trial, each of its seeds.

    Args:
        client: an MLflow client of the store.
        names: see `ferlab.tracking.find.resolve`.
        views: over which one may be scored alone, if it was not in training; None if none may.

    Raises:
        FerlabError: one is not there, has not finished, is not of the same data as the first, is
            another once more or was made of others; or it is one alone.
    """
    found = [one for name in names for one in _named(client, name)]
    for number, entry in enumerate(found):
        for earlier in found[:number]:
            _require_another(earlier, entry)
        _require_same_data(found[0], entry)
    if len(found) == 1 and views in (None, found[0].params.get(VIEWS)):
        raise TrackingError(
            f"run {found[0].run_id} is one alone; name two runs or more, or other --views of it"
        )
    return tuple(found)


def list_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """What differs between two mappings, ``fold: 0 and 1; split: ...``; empty if nothing does."""
    one, other = flatten(first), flatten(second)
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    return "; ".join(f"{key}: {one.get(key)} and {other.get(key)}" for key in keys)


def _named(client: Client, name: str) -> tuple[Entry, ...]:
    if Path(name).suffix.lower() in (".zip", ".yaml", ".yml"):
        raise DataError(f"{name} has no weights in it; name runs of the tracking store")
    entry = resolve_finished(client, name)
    if entry.members:
        raise TrackingError(
            f"run {entry.run_id} was made of other runs itself; name those: "
            f"{' '.join(entry.members)}"
        )
    return entry.seeds or (entry,)


def _require_another(earlier: Entry, entry: Entry) -> None:
    if entry.run_id == earlier.run_id:
        raise TrackingError(f"run {entry.run_id} is named twice")
    if (digest := entry.tags.get(_PREDICTED)) and digest == earlier.tags.get(_PREDICTED):
        raise TrackingError(
            f"run {entry.run_id} is run {earlier.run_id} once more: their predictions are the same "
            "to the last bit; leave one out"
        )


def _require_same_data(first: Entry, entry: Entry) -> None:
    digests = [each.tags.get(_DIGEST) for each in (first, entry)]
    if digests[0] == digests[1]:  # over pixels, labels, splits, names, classes and soft labels
        return
    one, other = ({k: v for k, v in e.params.items() if k[:5] == "data."} for e in (first, entry))
    differ = {key for key in {**one, **other} if one.get(key) != other.get(key)}
    if differ & {*TRAINED_ON} and differ <= {*TRAINED_ON, *FILES}:
        return  # what validates is compared once it is read
    what = list_differences(one, other) or f"digests {digests[0]} and {digests[1]}"
    raise DataError(
        f"runs {first.run_id} and {entry.run_id} are not of the same images, classes and split "
        f"({what})"
    )
