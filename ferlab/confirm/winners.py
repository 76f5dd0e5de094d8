"""What repeated searches found, trained once more under seeds that no run on this data has used.

Each winner has a seed of its own, under which the baseline is trained, too. Nothing is scored on
the test split.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferlab.analysis.repeated.outcome import Outcome, RepeatedSearch
from ferlab.confirm.choice import baseline_of, run_with_config
from ferlab.confirm.repeats import Repeats
from ferlab.confirm.retrain import Retraining, retrain
from ferlab.data.imageset import Split
from ferlab.errors import EvidenceError
from ferlab.reproduce.ledger import data_of, is_used
from ferlab.study.params import Params
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.sweep.outcome import SweepResult
from ferlab.tracking import store
from ferlab.tracking.pages.study_views import study_views
from ferlab.tracking.store import Client


@dataclass(frozen=True)
class _Pair:
    """What a search found, and what it is compared with.

    Attributes:
        table: of the search.
        row: its best trial.
        baseline: the trial of its baseline, perhaps the same; None without one.
        seed: the fresh one.
    """

    table: StudyTable
    row: TrialRow
    baseline: TrialRow | None
    seed: int

    @property
    def arms(self) -> dict[str, TrialRow]:
        """What is trained, by name."""
        rows = [self.row] if self.baseline is None else [self.row, self.baseline]
        return {_arm(self.table, row): row for row in rows}

    @property
    def points(self) -> list[Params]:
        """The same, as a sweep has it."""
        return [{"seed": self.seed, "arm": arm} for arm in self.arms]

    def search(self, scores: Mapping[str, float]) -> RepeatedSearch:
        """All of it, with what the arms scored."""
        return RepeatedSearch(
            study=self.table.study,
            winner=self.table.label(self.row),
            params=self.row.params,
            selected=value_of(self.row),
            seed=self.seed,
            fresh=scores[_arm(self.table, self.row)],
            baseline=None if self.baseline is None else scores[_arm(self.table, self.baseline)],
        )


@dataclass(frozen=True)
class Repeated:
    """How the repeats stand when the command ends.

    Attributes:
        tables: of the searches.
        outcome: None as long as a run is missing.
        training: how the last sweep of winners ended; None if all had been trained before.
        missing: how many runs lack.
        client: of the store that has the runs.
    """

    tables: tuple[StudyTable, ...]
    outcome: Outcome | None
    training: SweepResult | None
    missing: int
    client: Client


def conclude(
    repeats: Repeats, results: Sequence[SweepResult], overrides: Sequence[str]
) -> Repeated:
    """Train the winners under fresh seeds, or go on with it.

    Args:
        repeats: all of which are over.
        results: theirs.
        overrides: ``hydra/launcher=NAME`` and what that launcher takes.

    Raises:
        FerlabError: a search found nothing, or something else than when its winner was trained.
    """
    tables, uri = tuple(result.table for result in results), results[0].uri
    client = store.connect(uri, make=False)
    pairs = _pairs(repeats, tables, client)
    what = _retraining(repeats, pairs, client)
    scores, training, settings = _scores(repeats), None, repeats.settings
    if len(scores) < len(what.points):
        workers = None if settings.workers == "auto" else settings.workers
        training = retrain(client, what, settings.storage, workers, overrides, uri)
        scores = _scores(repeats)
    missing = len(what.points) - len(scores)
    if missing:
        return Repeated(tables, None, training, missing, client)
    outcome = Outcome(repeats.objective, tuple(pair.search(scores) for pair in pairs))
    return Repeated(tables, outcome, training, 0, client)


def _scores(repeats: Repeats) -> dict[str, float]:
    """Of the finished runs, by arm."""
    return {str(row.params["arm"]): value_of(row) for row in repeats.rows() if row.values}


def _pairs(repeats: Repeats, tables: Sequence[StudyTable], client: Client) -> list[_Pair]:
    """What is to be trained; who was begun with keeps his seed."""
    known = {str(row.params["arm"]): int(str(row.params["seed"])) for row in repeats.rows()}
    taken = set(known.values())
    step = repeats.settings.replicates + 1  # to the seed that the next search's trials leave
    pairs = []
    for search, table in zip(repeats.searches, tables, strict=True):
        row, baseline = table.best, None
        if row is None:
            raise EvidenceError(f"the study '{table.study}' has no finished trial, so no winner")
        if table.baseline is not None:
            baseline = baseline_of(table)
            row = baseline if row.params == table.baseline else row
        trained = [trial for trial in (row, baseline) if trial is not None]
        arms = {_arm(table, trial) for trial in trained}
        data = data_of(client, [run_with_config(client, trial) for trial in trained])
        before = {arm for arm in known if arm.startswith(_arm(table))}
        if not before <= arms:
            raise EvidenceError(
                f"the best of '{table.study}' is trial {row.number} now; when it was trained under "
                f"a fresh seed it was another one; another study.name begins anew"
            )
        seeds = itertools.chain(
            (known[arm] for arm in before),
            (
                seed
                for seed in itertools.count(search.spare, step)
                if seed not in taken and not is_used(client, data, seed)
            ),
        )
        seed = next(seeds)
        taken.add(seed)
        pairs.append(_Pair(table, row, baseline, seed))
    return pairs


def _arm(table: StudyTable, row: TrialRow | None = None) -> str:
    """How a trial of a search is called; or how all of them begin."""
    return f"{table.study} trial {'' if row is None else row.number}"


def _retraining(repeats: Repeats, pairs: Sequence[_Pair], client: Client) -> Retraining:
    objective, settings = repeats.objective, repeats.settings
    rows = {name: row for pair in pairs for name, row in pair.arms.items()}
    return Retraining(
        name=repeats.name,
        search=repeats.searches[0].study,
        of=repeats.study,
        question=f"What the repeated search finds: {settings.question or repeats.study}",
        objective=objective,
        split=Split.VAL,
        arms={name: run_with_config(client, row) for name, row in rows.items()},
        seeds=[pair.seed for pair in pairs],
        points=tuple(point for pair in pairs for point in pair.points),
        about={"repeats": {"study": repeats.study, "trials": settings.trials}},
        command=repeats.command(here=False),
        views=lambda params, study, run_id: study_views(
            [objective], dict.fromkeys(params, False), 1, study, run_id
        ),
    )
