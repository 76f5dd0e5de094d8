"""From the runs of a confirmation to everything that its report says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferlab.analysis.comparison.compare import Comparison, compare
from ferlab.analysis.comparison.curves import Band, band
from ferlab.analysis.regions.measured import FOLDER as REGIONS
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import ruling_in_words
from ferlab.config import Config, check
from ferlab.confirm import looks
from ferlab.confirm.choice import Choice
from ferlab.confirm.looks import Look
from ferlab.confirm.parts import Part, read_predictions, split_parts
from ferlab.data.audit import Audit, audit
from ferlab.data.imageset import ImageSet
from ferlab.data.prepare import prepare, read_images
from ferlab.errors import DataError, TrackingError
from ferlab.reproduce.ledger import SCORED_BY, OtherLooks, other_looks, twins
from ferlab.study.table import StudyTable
from ferlab.sweep import studies
from ferlab.sweep.studies import view, view_with_runs
from ferlab.text import pluralize
from ferlab.tracking import artifacts, find
from ferlab.tracking.entry import Entry, recorded_config
from ferlab.tracking.run import MACHINE
from ferlab.tracking.store import Client

Runs = Mapping[str, Sequence[Entry]]
"""A run for each seed, in their order, by arm."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is known when every arm has its verdict.

    Attributes:
        choice: what was confirmed.
        looks: that gave the verdicts, in order.
        search: the study that it was chosen in.
        runs: of the confirmation.
        parts: the images it was scored on; the first, the test split, decides.
        bands: learning curves, by arm.
        config: of a run of the baseline.
        digest: of the data.
        dropped: training images that were left out, being identical to held-out ones.
        audit: of the data, before that.
        machine: that trained the first run.
        others: what else the test images judged, in the whole store.
        twins: runs that predict exactly as an older run does.
        regions: what ``ferlab explain --regions`` has kept of these runs, by path; nothing if it
            was not asked.
    """

    choice: Choice
    looks: tuple[Look, ...]
    search: StudyTable
    runs: Runs
    parts: tuple[Part, ...]
    bands: Mapping[str, Band]
    config: Config
    digest: str
    dropped: int
    audit: Audit
    machine: str
    others: OtherLooks
    twins: list[Entry]
    regions: Mapping[str, bytes]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Those that decide."""
        return self.parts[0].comparisons

    def on(self, part: str, arm: str) -> Comparison:
        """An arm against the baseline on a part of the images that every confirmation has."""
        found = next(each for each in self.parts if each.name == part)
        return next(each for each in found.comparisons if each.arm == arm)

    @property
    def rulings(self) -> dict[str, tuple[Look, Ruling]]:
        """The verdict on each arm and the look that gave it, by name."""
        return looks.settled(self.looks)

    def words(self, arm: str) -> str:
        """The verdict on an arm and its numbers, as a sentence without its full stop."""
        look, ruling = self.rulings[arm]
        return ruling_in_words(self.choice.plan, look.number, ruling)

    @property
    def entries(self) -> list[Entry]:
        """All runs, arm by arm."""
        return [entry for entries in self.runs.values() for entry in entries]

    @property
    def scored_before(self) -> list[Entry]:
        """Runs that something else had scored on the test split before."""
        name = self.choice.name
        return [entry for entry in self.entries if entry.tags.get(SCORED_BY, name) != name]


def count_finished(choice: Choice, storage: str | None) -> int:
    """How many of a confirmation's runs are trained."""
    try:
        return len(view(studies.open_study(choice.name, storage)).complete)
    except TrackingError:  # it has not begun
        return 0


def looks_taken(client: Client, choice: Choice, storage: str | None) -> tuple[Look, ...]:
    """The looks of a confirmation so far, in order.

    Raises:
        EvidenceError: one was changed since.
    """
    if not studies.is_begun(choice.name, storage):
        return ()
    run_id = studies.open_study(choice.name, storage).user_attrs.get("run_id")
    return looks.recorded(client, run_id, choice) if run_id else ()


def runs(client: Client, choice: Choice, taken: Sequence[Look], storage: str | None) -> Runs:
    """The finished runs for the next look, or of a confirmation that is over; all must be there."""
    wanted = looks.seeds_of(choice, taken)
    table = view(studies.open_study(choice.name, storage))
    ids = {(row.params["arm"], row.params["seed"]): str(row.run_id) for row in table.complete}
    return {
        arm.name: [find.resolve(client, ids[arm.name, seed]) for seed in wanted[arm.name]]
        for arm in choice.arms
    }


def gather(
    client: Client, choice: Choice, taken: tuple[Look, ...], storage: str | None
) -> Evidence:
    """Compare the runs of a confirmation that is over.

    Args:
        client: of the tracking store.
        choice: what was confirmed.
        taken: its looks.
        storage: where the studies are kept; None for ferlab's home.

    Raises:
        FerlabError: the data has changed, or the runs cannot be compared.
    """
    found = runs(client, choice, taken, storage)
    entries = [entry for arm in found.values() for entry in arm]
    first = found[choice.arms[0].name][0]
    config = check(recorded_config(client, first.run_id))
    images, dropped = prepare(config.data)
    _require_unchanged(choice, first, images)
    others = {entry.tags["ferlab.data.digest"]: entry for entry in entries}
    del others[images.digest]
    for entry in others.values():  # what is trained on may be what is compared
        other = check(recorded_config(client, entry.run_id))
        _require_unchanged(choice, entry, prepare(other.data)[0])
    test, val = (
        [
            read_predictions(client, name, entries, split, images.classes)
            for name, entries in found.items()
        ]
        for split in ("test", "val")
    )
    levels = {name: ruling.level for name, (_, ruling) in looks.settled(taken).items()}
    parts = tuple(
        Part(
            name,
            what,
            tuple(
                compare(arm, baseline.first(len(arm.seeds)), levels[arm.name], choice.plan.worth)
                for arm in arms
            ),
        )
        for name, what, (baseline, *arms) in split_parts(test, val, images, config)
    )
    return Evidence(
        choice=choice,
        looks=taken,
        search=view_with_runs(studies.open_study(choice.study, storage), client),
        runs=found,
        parts=parts,
        bands={name: _band(client, entries) for name, entries in found.items()},
        config=config,
        digest=images.digest,
        dropped=dropped,
        audit=audit(read_images(config.data)),
        machine=_machine(client, first),
        others=other_looks(client, entries),
        twins=twins(client, entries),
        regions=_regions(client, studies.open_study(choice.name, storage).user_attrs["run_id"]),
    )


def _regions(client: Client, run_id: str) -> dict[str, bytes]:
    paths = artifacts.list_files(client, run_id, REGIONS)
    return artifacts.read_files(client, run_id, paths, paths) if paths else {}


def _require_unchanged(choice: Choice, entry: Entry, images: ImageSet) -> None:
    if images.digest != entry.tags["ferlab.data.digest"]:
        raise DataError(
            f"the data of '{choice.name}' has changed: its digest was "
            f"{entry.tags['ferlab.data.digest']}, and is {images.digest} now"
        )


def _machine(client: Client, entry: Entry) -> str:
    text = artifacts.read_files(client, entry.run_id, [MACHINE], [MACHINE])[MACHINE]
    known = json.loads(text)
    on_gpu = entry.params["trainer.device"] == "cuda"
    processor = ", ".join(known["gpus"]) if on_gpu else known["cpu"]
    threads = pluralize(int(entry.params["trainer.threads"]), "thread")
    return f"{processor}, torch {known['libraries']['torch']}, {threads}"


def _band(client: Client, entries: Sequence[Entry]) -> Band:
    name = "val/accuracy"
    return band(
        [
            [epoch[name] for epoch in artifacts.metric_history(client, entry.run_id, [name])]
            for entry in entries
        ]
    )
