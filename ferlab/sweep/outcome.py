"""How a sweep's command ends: what a person reads."""

import shlex
from dataclasses import asdict, dataclass, field

from ferlab import secrets
from ferlab.study.code import tell_codes
from ferlab.study.deleted import tell_deleted
from ferlab.study.objectives import format_values
from ferlab.study.params import overrides
from ferlab.study.table import BEFORE, StudyTable, TrialRow
from ferlab.sweep.workers.ledger import Counts
from ferlab.text import pluralize
from ferlab.tracking.run import Status


@dataclass(frozen=True)
class SweepResult:
    """How a study stands when the command ends.

    Attributes:
        table: of its trials.
        storage: where it is kept; None for ferlab's home.
        uri: of the tracking store that has its runs, perhaps with a password; None: the default.
        run_id: its MLflow run.
        look: how to get to that run's page.
        counts: of its trials.
        is_over: whether nothing is left to do.
        too_many_failed: whether failed trials stopped it.
        errors: what ended workers that had not failed in a trial, such as a full disk.
        mistakes: of configs, found by trials that failed for them.
        is_late: whether the study's time is used up.
        again: the command that goes on, if it is not over.
    """

    table: StudyTable
    storage: str | None
    uri: str | None = field(repr=False)
    run_id: str
    look: str
    counts: Counts
    is_over: bool
    too_many_failed: bool
    errors: list[str]
    mistakes: list[str]
    is_late: bool
    again: str

    @property
    def exit_code(self) -> int:
        """Of the process: 0 when nothing is left to do, 130 after Ctrl-C, else 1."""
        if self.status == "FAILED":
            return 1
        return 0 if self.is_over else 130

    @property
    def status(self) -> Status:
        """Of the study's MLflow run."""
        if self.too_many_failed or self.errors or self.mistakes:
            return "FAILED"
        return "FINISHED" if self.is_over else "KILLED"

    @property
    def reason(self) -> str:
        """Why it is not over, in a word; empty if it is."""
        return {"FINISHED": "", "KILLED": "interrupted", "FAILED": "error"}[self.status]

    @property
    def metrics(self) -> dict[str, int]:
        """Of the study's MLflow run: the budget, and how many trials are what."""
        counts = {f"trials/{key}": value for key, value in asdict(self.counts).items()}
        return {"trials/budget": self.table.budget, **counts}

    def summary(self) -> str:
        """For a person to read."""
        c, name = self.counts, self.table.study
        lines = [
            f"study    {name}: {c.counted} of {self.table.budget} trials count "
            f"({c.complete} complete, {c.pruned} pruned); {c.failed} failed, {c.retried} retried",
            *self._best(),
            *tell_outside(self.table),
            *([f"deleted  {told}"] if (told := tell_deleted(self.table)) else []),
            *([f"code     {told}"] if (told := tell_codes(self.table)) else []),
            f"look     {self.look}",
        ]
        lines += [f"error    a worker ended: {error}" for error in self.errors]
        lines += [f"mistake  {mistake.replace(chr(10), ';')}" for mistake in self.mistakes]
        if self.too_many_failed:
            lines.append("stopped  too many trials failed; their errors are in MLflow")
        elif not self.is_over:
            lines.append(f"go on    {self.again}")
        elif c.counted < self.table.budget:
            lines.append(f"stopped  {self._why_short()}")
        return "\n".join(lines)

    def _why_short(self) -> str:
        """Why fewer trials count than the budget has."""
        failed = self.counts.failed
        if self.is_late:
            return "the time is used up"
        if failed and self.mistakes:
            return f"{pluralize(len(self.mistakes), 'trial')} failed for a mistake in the config"
        if failed:
            return f"{pluralize(failed, 'trial')} failed; the same command tries again"
        return "every point of the space is used up"

    def _best(self) -> list[str]:
        table = self.table
        if table.best is None:
            return []
        seeds = f"the mean of {table.replicates} seeds" if table.replicates > 1 else "a single run"
        if len(table.objectives) > 1:
            seeds = f"best in {table.objectives[0]}; {seeds}"
        best = table.best
        return [
            f"best     {_told(table, best)} ({seeds}, chosen as the best)",
            f"with     {' '.join(overrides(best.params))}",
            f"run      {best.run_id}",
            f"again    {self._reproduce()}",
            *(f"front    {_told(table, row)}: {row.name}" for row in self._front()),
        ]

    def _reproduce(self) -> str:
        """What to type to train the best again."""
        command = shlex.join(["ferlab", "reproduce", f"best:{self.table.study}"])
        if self.uri is None:
            return command
        return f"MLFLOW_TRACKING_URI={shlex.quote(secrets.seal(self.uri))} {command}"

    def _front(self) -> list[TrialRow]:
        """What no other trial beats in every objective, where there are several."""
        return self.table.front if len(self.table.objectives) > 1 else []


def tell_outside(table: StudyTable) -> list[str]:
    """Lines on what was put into the study from outside."""
    lines = []
    if table.changes:
        before = sum(row.origin == BEFORE for row in table.outside)
        times = "" if len(table.changes) == 1 else f" {len(table.changes)} times"
        lines.append(f"changed  the space{times}; {pluralize(before, 'trial')} fit it no more")
    added = [row for row in table.outside if row.values is not None and row.origin != BEFORE]
    if added:
        known = sum(not row.why for row in added)
        lines.append(
            f"added    {pluralize(len(added), 'result')} from elsewhere, which cost no budget; "
            f"the sampler knows of {known}"
        )
    skipped = [row for row in table.outside if row.origin == "enqueued"]
    lines += [f"skipped  trial {row.number}, enqueued: {row.why}" for row in skipped]
    if table.waiting:
        points = pluralize(table.waiting, "enqueued point")
        lines.append(f"waiting  {points}, for more study.trials")
    return lines


def _told(table: StudyTable, row: TrialRow) -> str:
    return format_values(table.objectives, row.values or ())
