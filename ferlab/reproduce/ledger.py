"""Every look at the same test images is counted, whatever command took it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ferlab.text import join_words, pluralize
from ferlab.tracking import find, store
from ferlab.tracking.entry import Entry, entry_of
from ferlab.tracking.store import Client

IMAGES = "ferlab.test.images"
"""The tag of a run that says which images and labels it was tested on; see `split_digest`."""

SCORED_AT = "ferlab.test.scored_at"
"""The tag of a run that says when that was, in UTC."""

SCORED_BY = "ferlab.test.scored_by"
"""The tag of a run that says which confirmation scored it; any other word is another command."""

_TESTED = "ferlab.test.data.digest"
"""The tag of a run whose model was scored on the test split; it has the digest of its data."""

_DATA, _PREDICTED = "ferlab.data.digest", "ferlab.predictions.digest"


@dataclass(frozen=True)
class OtherLooks:
    """What else was judged by the images that judged some run or confirmation.

    Attributes:
        before: names of the confirmations that these images had judged before.
        models: how many other models they had.
        after: names of the confirmations that they have judged since.
    """

    before: tuple[str, ...]
    models: int
    after: tuple[str, ...]

    def told(self) -> str:
        """As a clause on "these images"; empty where there is nothing to tell."""
        had, parts = [], []
        if self.before:
            earlier = pluralize(len(self.before), "earlier confirmation")
            had.append(f"{earlier} ({', '.join(self.before)})")
        if self.models:
            had.append(pluralize(self.models, "other model"))
        if had:
            parts.append(f"had judged {join_words(had)}")
        if self.after:
            later = pluralize(len(self.after), "confirmation")
            parts.append(f"have judged {later} since ({', '.join(self.after)})")
        return ", and ".join(parts)


def other_looks(client: Client, mine: Sequence[Entry]) -> OtherLooks:
    """Look up what else was judged by the test images of a run, or of a confirmation's runs.

    Args:
        client: of the tracking store, the whole of which is searched.
        mine: a run, or all runs of a trial or a confirmation. Those that were not tested, or before
            the images were recorded, have no part in it.
    """
    tested = [entry for entry in mine if IMAGES in entry.tags]
    if not tested:
        return OtherLooks((), 0, ())
    own, at = {_judged(entry) for entry in tested}, min(map(_when, tested))
    others: dict[str, list[Entry]] = defaultdict(list)
    for entry in find.every(client, {IMAGES: tested[0].tags[IMAGES]}):
        if _judged(entry) not in own:
            others[_judged(entry)].append(entry)
    before, after, models = [], [], 0
    for entries in others.values():
        is_before = min(map(_when, entries)) < at
        if not _is_confirmed(entries[0]):
            models += is_before
        elif is_before:
            before.append(str(entries[0].study))
        else:
            after.append(str(entries[0].study))
    return OtherLooks(tuple(sorted(before)), models, tuple(sorted(after)))


def twins(client: Client, mine: Sequence[Entry]) -> list[Entry]:
    """Those of some runs that predict the validation images exactly as an older run does.

    It is the same training once more, and so no evidence of its own.

    Args:
        client: of the tracking store, the whole of which is searched.
        mine: the runs.
    """
    own = {entry.run_id for entry in mine}
    older: dict[tuple[str, str], datetime] = {}
    for data, digest in {_trained(entry) for entry in mine if _PREDICTED in entry.tags}:
        tags = {_DATA: data, _PREDICTED: digest}
        same = store.runs_with(client, tags, eldest=True, at_a_time=len(own) + 1)
        eldest = next((run for run in same if run.info.run_id not in own), None)
        if eldest is not None:
            older[data, digest] = entry_of(eldest, "").started
    return [entry for entry in mine if older.get(_trained(entry), entry.started) < entry.started]


def _trained(entry: Entry) -> tuple[str, str]:
    """On what, and to which predictions."""
    return entry.tags.get(_DATA, ""), entry.tags.get(_PREDICTED, "")


def data_of(client: Client, run_ids: Collection[str]) -> set[str]:
    """The digests of what some runs were trained on, by the runs' ids."""
    return {find.resolve(client, run_id).tags.get(_DATA, "") for run_id in run_ids}


def is_used(client: Client, data: Collection[str], seed: int) -> bool:
    """Whether a run in the store was trained under a seed on one of some data, by their digests."""
    with_seed = {"ferlab.seed": str(seed)}
    found = (store.runs_with(client, {_DATA: one, **with_seed}, at_a_time=1) for one in data)
    return any(True for runs in found for _ in runs)


def is_scored(entry: Entry) -> bool:
    """Whether a run's model has been scored on the test split, whatever its data was."""
    return _TESTED in entry.tags


def scored_runs(client: Client, tags: Mapping[str, str]) -> list[str]:
    """The ids of the runs with these tags that are scored on the test split."""
    found = store.runs_with(client, tags, only=[f"tags.`{_TESTED}` IS NOT NULL"])
    return [str(run.info.run_id) for run in found]


def _judged(entry: Entry) -> str:
    """What was judged by a run's test: its confirmation as a whole, else the model alone."""
    return str(entry.study_id) if _is_confirmed(entry) else entry.run_id


def _is_confirmed(entry: Entry) -> bool:
    return entry.study is not None and entry.tags.get(SCORED_BY) == entry.study


def _when(entry: Entry) -> datetime:
    told = entry.tags.get(SCORED_AT)
    return entry.started if told is None else datetime.fromisoformat(told)


def scored_now() -> str:
    """The value of `SCORED_AT` of a run that is tested now."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
