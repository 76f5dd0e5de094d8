"""What is confirmed: configurations and fresh seeds, chosen once and before any is trained."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ferlab.analysis.sequential.plan import LookPlan
from ferlab.errors import EvidenceError, TrackingError
from ferlab.reproduce.ledger import data_of, is_used, scored_runs
from ferlab.study.params import Params, identity
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.sweep import studies
from ferlab.sweep.studies import study_key, view_with_runs
from ferlab.sweep.workers.storage import exists
from ferlab.text import pluralize
from ferlab.tracking import find
from ferlab.tracking.store import Client

DEFAULT = LookPlan((5, 10, 15, 20))
"""The plan of who says nothing else."""

_SEED = re.compile(r"seed \d+")
"""How a trial's name tells of a seed that was swept."""


@dataclass(frozen=True)
class Candidate:
    """A configuration of the search that is to be trained again.

    Attributes:
        name: as a reader knows it.
        trial: its number in the search.
        run_id: of a run that recorded its config.
        value: what the search found, in its first objective.
    """

    name: str
    trial: int
    run_id: str
    value: float


@dataclass(frozen=True)
class Choice:
    """What a confirmation trains.

    Attributes:
        study: name of the search.
        arms: the baseline, then the best others, the best first.
        plan: when it is looked at, and what it is to settle.
        seeds: that each is trained under at most; the search used none of them.
        looked: the search's runs that had been scored on the test split when this was chosen.
    """

    study: str
    arms: tuple[Candidate, ...]
    plan: LookPlan
    seeds: tuple[int, ...]
    looked: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the study that trains it."""
        return confirmation_name(self.study)

    def plain(self) -> dict[str, Any]:
        """As it is kept, in plain containers."""
        return asdict(self)

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Choice":
        """What `plain` gave."""
        arms = tuple(Candidate(**arm) for arm in plain["arms"])
        plan = LookPlan(**{**plain["plan"], "looks": tuple(plain["plan"]["looks"])})
        return cls(plain["study"], arms, plan, tuple(plain["seeds"]), tuple(plain["looked"]))


def confirmation_name(study: str) -> str:
    """The name of the study that confirms another."""
    return f"{study}-confirm"


def begun(study: str, storage: str | None) -> Choice | None:
    """What was chosen for a study whose confirmation has begun; else None."""
    if not exists(storage, confirmation_name(study)):
        return None
    try:
        about = studies.open_study(confirmation_name(study), storage).user_attrs.get("about")
    except TrackingError:  # nothing is in it
        return None
    if about is None:
        return None
    if "plan" not in about["confirmation"]:
        raise EvidenceError(
            f"the confirmation of '{study}' was begun by an older ferlab, without a plan of its "
            "looks; it can be neither gone on with nor reported; ferlab sweep --new makes a study "
            "that can be confirmed"
        )
    return Choice.read(about["confirmation"])


def choose(
    client: Client,
    study: str,
    storage: str | None,
    best: int | None = None,
    looks: tuple[int, ...] | None = None,
    worth: float | None = None,
    against: int | None = None,
) -> Choice:
    """Choose, or take what was chosen before.

    Args:
        client: of the tracking store.
        study: the search.
        storage: where it is kept; None for ferlab's home.
        best: how many of its best configurations; None for 1, or as before.
        looks: seeds of each configuration at each look; None for 5, 10, 15, 20, or as before.
        worth: smallest difference that would matter, as a share of the images; None for one point,
            or as before.
        against: number of the trial to compare with; None for the baseline, or as before.

    Raises:
        EvidenceError: the study has nothing to confirm, or something else was chosen before.
        TrackingError: there is no such study.
    """
    before = begun(study, storage)
    if before is not None:
        _require_as_before(before, best, looks, worth, against)
        return before
    best, plan = 1 if best is None else best, _with(DEFAULT, looks, worth)
    if best < 1:
        raise EvidenceError(f"--best {best}: it takes at least 1 configuration")
    found = studies.open_study(study, storage)
    if of := found.user_attrs.get("about", {}).get("confirmation"):
        raise EvidenceError(
            f"'{study}' is the confirmation of '{of['study']}' itself; "
            f"ferlab confirm {of['study']} goes on with it"
        )
    table = view_with_runs(found, client)
    if not table.kept:
        raise EvidenceError(f"the study '{study}' has no finished trial, so there is no best one")
    about: Mapping[str, Any] = found.user_attrs["about"]
    baseline = baseline_of(table) if against is None else _trial(table, against)
    rows = [baseline, *_best(table, baseline, best)]
    arms = tuple(
        Candidate(name, row.number, run_with_config(client, row), value_of(row))
        for name, row in zip(_names(rows), rows, strict=True)
    )
    last = max(row.params.get("seed", about.get("seed", 0)) for row in table.rows)
    first = int(last or 0) + table.replicates  # replicates count on from a trial's first seed
    data = data_of(client, [arm.run_id for arm in arms])
    fresh = (seed for seed in itertools.count(first) if not is_used(client, data, seed))
    seeds = tuple(itertools.islice(fresh, plan.most))
    looked = tuple(scored_runs(client, study_key(found).tags))
    return Choice(study, arms, plan, seeds, looked)


def run_with_config(client: Client, row: TrialRow) -> str:
    """The id of a run that recorded a trial's config: its own, or that of its first seed."""
    entry = find.resolve(client, str(row.run_id))
    return (entry.seeds or (entry,))[0].run_id


def _with(plan: LookPlan, looks: tuple[int, ...] | None, worth: float | None) -> LookPlan:
    """The plan, but for what is given."""
    return LookPlan(
        plan.looks if looks is None else looks,
        plan.worth if worth is None else worth,
        plan.alpha,
    )


def _require_as_before(
    before: Choice,
    best: int | None,
    looks: tuple[int, ...] | None,
    worth: float | None,
    against: int | None,
) -> None:
    arms, plan, opponent = len(before.arms) - 1, before.plan, before.arms[0].trial
    as_before = best in (None, arms) and _with(plan, looks, worth) == plan
    if not as_before or against not in (None, opponent):
        looked = ",".join(map(str, plan.looks))
        raise EvidenceError(
            f"the confirmation of '{before.study}' was begun with --best {arms} --looks {looked} "
            f"--worth {100 * plan.worth:g}, against trial {opponent}; it cannot be changed once "
            f"results may be known: ferlab confirm {before.study} goes on as it was begun"
        )


def baseline_of(table: StudyTable) -> TrialRow:
    """The complete trial of a study's baseline.

    Raises:
        EvidenceError: there is none.
    """
    if table.baseline is None:
        raise EvidenceError(
            f"the study '{table.study}' has no baseline to compare with; say which point is it, "
            "study.baseline={KEY: VALUE}, and sweep with --new, or take a trial, --against NUMBER"
        )
    if table.baseline_row is None:
        told = ", ".join(f"{key}: {value}" for key, value in table.baseline.items())
        rows = [row for row in table.rows if row.params == table.baseline]
        state = str(rows[-1].state) if rows else "not in it"
        if rows and rows[-1].is_deleted:
            state = f"deleted in MLflow (mlflow runs restore --run-id {rows[-1].run_id})"
        raise EvidenceError(
            f"the baseline of the study '{table.study}' ({told}) is {state}; it must be complete"
        )
    return table.baseline_row


def _trial(table: StudyTable, number: int) -> TrialRow:
    rows = {row.number: row for row in table.rows}
    if number not in rows or rows[number] not in table.complete:
        state = rows[number].state if number in rows else "not in it"
        raise EvidenceError(
            f"--against {number}: that trial of the study '{table.study}' is {state}; it must be "
            "complete"
        )
    return rows[number]


def _best(table: StudyTable, baseline: TrialRow, count: int) -> list[TrialRow]:
    """The best complete trials; of those that differ only by their seed, the best."""
    seen = {_configuration(baseline.params)}
    others: list[TrialRow] = []
    for row in table.ranked:
        if (key := _configuration(row.params)) not in seen:
            seen.add(key)
            others.append(row)
    if len(others) < count:
        raise EvidenceError(
            f"the study '{table.study}' has {pluralize(len(others), 'complete configuration')} "
            f"beside its baseline, not {count}"
        )
    return others[:count]


def _configuration(params: Params) -> str:
    return identity({key: value for key, value in params.items() if key != "seed"})


def _names(rows: list[TrialRow]) -> list[str]:
    """What each is called without its seed; with its trial's number where others are so, too."""
    parts = [[part for part in row.name.split(", ") if not _SEED.fullmatch(part)] for row in rows]
    names = [", ".join(mine) for mine in parts]
    return [
        f"{name} (trial {row.number})" if names.count(name) > 1 or not name else name
        for name, row in zip(names, rows, strict=True)
    ]
