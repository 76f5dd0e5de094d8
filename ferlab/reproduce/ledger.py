"""Every look at the same test images is counted, whatever command took it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ferlab.text import join_words, pluralize
from ferlab.tracking import find
from ferlab.tracking.entry import Entry
from ferlab.tracking.store import Client

IMAGES = "ferlab.test.images"
"""The tag of a run that says which images and labels it was tested on; see `split_digest`."""

SCORED_AT = "ferlab.test.scored_at"
"""The tag of a run that says when that was, in UTC."""

SCORED_BY = "ferlab.test.scored_by"
"""The tag of a run that says which confirmation scored it; any other word is another command."""

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
        mine: runs on the same data.
    """
    own = {entry.run_id for entry in mine}
    older: dict[str, datetime] = {}
    for entry in find.every(client, {_DATA: mine[0].tags[_DATA]}):
        if entry.run_id not in own and (digest := entry.tags.get(_PREDICTED)):
            older[digest] = min(entry.started, older.get(digest, entry.started))
    return [
        entry
        for entry in mine
        if (digest := entry.tags.get(_PREDICTED)) in older and older[digest] < entry.started
    ]


def used_seeds(client: Client, data: str) -> set[int]:
    """The seeds of all runs in a store that were trained on some data, by its digest."""
    tags = (entry.tags for entry in find.every(client, {_DATA: data}))
    return {int(found["ferlab.seed"]) for found in tags if "ferlab.seed" in found}


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
