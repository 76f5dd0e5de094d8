"""How a sweep's command ends: what a person reads."""

from dataclasses import asdict, dataclass, field

from ferlab.study.code import tell_codes
from ferlab.study.deleted import tell_deleted
from ferlab.study.params import overrides
from ferlab.study.table import StudyTable, TrialRow
from ferlab.sweep.workers.shared_study import Counts
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
    again: str

    @property
    def exit_code(self) -> int:
        """Of the process: 0 when nothing is left to do, 130 after Ctrl-C, else 1."""
        if self.too_many_failed or self.errors:
            return 1
        return 0 if self.is_over else 130

    @property
    def status(self) -> Status:
        """Of the study's MLflow run."""
        if self.too_many_failed or self.errors:
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
            *([f"deleted  {told}"] if (told := tell_deleted(self.table)) else []),
            *([f"code     {told}"] if (told := tell_codes(self.table)) else []),
            f"look     {self.look}",
        ]
        lines += [f"error    a worker ended: {error}" for error in self.errors]
        if self.too_many_failed:
            lines.append("stopped  too many trials failed; their errors are in MLflow")
        elif not self.is_over:
            lines.append(f"go on    {self.again}")
        elif c.counted < self.table.budget:
            lines.append("stopped  the space or the time is used up")
        return "\n".join(lines)

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
            *(f"front    {_told(table, row)}: {row.name}" for row in self._front()),
        ]

    def _front(self) -> list[TrialRow]:
        """What no other trial beats in every objective, where there are several."""
        return self.table.front if len(self.table.objectives) > 1 else []


def _told(table: StudyTable, row: TrialRow) -> str:
    values = zip(table.objectives, row.values or (), strict=True)
    return ", ".join(f"{name} {value:.6g}" for name, value in values)
