"""A run's model in the registry, with the evidence that its configuration is a better one."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferlab.analysis.comparison.verdict import Verdict, points
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import ruling_in_words
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Candidate, Choice, begun
from ferlab.confirm.looks import Look
from ferlab.errors import EvidenceError
from ferlab.reproduce.ledger import other_looks
from ferlab.sweep import studies
from ferlab.sweep.studies import study_key, view
from ferlab.tracking import find
from ferlab.tracking.entry import Entry
from ferlab.tracking.registry.versions import Registered, register_run, require_names
from ferlab.tracking.store import Client


@dataclass(frozen=True)
class Support:
    """What a confirmation says of a run's configuration.

    Attributes:
        verdict: in one word; ``unconfirmed`` where there is none.
        told: the verdict and its numbers, or why there is none.
        tags: the same, as they are kept with a registered model.
    """

    verdict: str
    told: str
    tags: Mapping[str, str]

    @property
    def is_confirmed(self) -> bool:
        """Whether the configuration was shown to be better than the baseline."""
        return self.verdict == Verdict.BETTER


def support(client: Client, entry: Entry, storage: str | None) -> Support:
    """Look up what was confirmed of a run.

    Args:
        client: of the tracking store.
        entry: a run, a trial, or one of its seeds; of a search, or of its confirmation.
        storage: where the studies are kept; None for ferlab's home.

    Raises:
        FerlabError: what was kept of a look was changed since.
    """
    study = _searched(client, entry)
    if study is None:
        return _unconfirmed("it is a run of its own, and no study's")
    choice = begun(study, storage)
    if choice is None:
        return _unconfirmed(f"ferlab confirm {study} has not begun")
    arm = _arm_of(client, entry, choice, storage)
    if arm is None:
        return _unconfirmed(f"the confirmation of '{study}' is of other configurations")
    if arm == choice.arms[0]:
        return _unconfirmed(f"it is what the confirmation of '{study}' compares with")
    taken = evidence.looks_taken(client, choice, storage)
    if arm.name not in (rulings := looks.settled(taken)):
        return _unconfirmed(f"ferlab confirm {study} has not come to a verdict on it")
    return _supported(client, choice, rulings[arm.name], storage)


def register(
    client: Client,
    entry: Entry,
    name: str | None,
    alias: str | None,
    found: Support,
    is_unconfirmed_fine: bool,
) -> Registered:
    """Register a run's model with what speaks for it.

    Args:
        client: of the tracking store.
        entry: the run.
        name: of the registered model; None for that of its study, or of its data.
        alias: that is to stand for it; None for none.
        found: see `support`.
        is_unconfirmed_fine: whether it need not have been shown to be better.

    Raises:
        EvidenceError: it was not, and had to be; nothing was registered.
        TrackingError: see `ferlab.tracking.registry.versions.register_run`.
    """
    name = name or _searched(client, entry) or entry.params["data.name"]
    require_names(name, alias)
    if not found.is_confirmed and not is_unconfirmed_fine:
        raise EvidenceError(
            f"run {entry.run_id} is not confirmed to be better: {found.told}; --unconfirmed "
            "registers it as what it is"
        )
    tags = {
        **found.tags,
        "ferlab.run": entry.name,
        "ferlab.data.digest": entry.tags["ferlab.data.digest"],
        "ferlab.seed": entry.tags.get("ferlab.seed", ""),
    }
    return register_run(client, entry.run_id, name, alias, tags, f"{entry.name}: {found.told}")


def _unconfirmed(why: str) -> Support:
    return Support("unconfirmed", why, {"ferlab.verdict": "unconfirmed", "ferlab.evidence": why})


def _searched(client: Client, entry: Entry) -> str | None:
    """The search that a run belongs to, or that its confirmation is of; None for neither."""
    if entry.study_id is None:
        return entry.study
    (study,) = find.every(client, {"ferlab.study.id": entry.study_id, "ferlab.kind": "study"})
    return study.tags.get("ferlab.confirms", study.study)


def _arm_of(client: Client, entry: Entry, choice: Choice, storage: str | None) -> Candidate | None:
    """The arm whose configuration a run has; None if no arm has it."""
    if entry.study == choice.name:
        rows = view(studies.open_study(choice.name, storage)).complete
        names = {row.run_id: row.params["arm"] for row in rows}
        return next((a for a in choice.arms if a.name == names.get(entry.run_id)), None)
    for arm in choice.arms:
        chosen = find.resolve(client, arm.run_id)  # its trial, or the first of its seeds
        is_there = chosen.study_id == entry.study_id
        if is_there and chosen.tags["ferlab.trial"] == entry.tags["ferlab.trial"]:
            return arm
    return None


def _supported(
    client: Client, choice: Choice, given: tuple[Look, Ruling], storage: str | None
) -> Support:
    look, ruling = given
    verdict, (low, high) = str(ruling.verdict), ruling.interval
    judged = find.every(client, study_key(studies.open_study(choice.name, storage)).tags)
    others = other_looks(client, judged).told()
    told = (
        f"{ruling_in_words(choice.plan, look.number, ruling)}; against {choice.arms[0].name}, on "
        "the test images"
    )
    tags = {
        "ferlab.verdict": verdict,
        "ferlab.evidence": told,
        "ferlab.interval": f"{points(low)} to {points(high)} points of accuracy",
        "ferlab.against": choice.arms[0].name,
        "ferlab.study": choice.study,
        "ferlab.seeds": str(len(look.seeds)),
        "ferlab.test.looks": f"{look.number} of {len(choice.plan.looks)} that were planned",
        "ferlab.test.others": f"these test images {others or 'had judged nothing else'}",
    }
    return Support(verdict, told, tags)
