"""How a sweep's command ends: what a person reads."""

from dataclasses import dataclass

from ferlab.sweep import space as spaces
from ferlab.sweep.rows import Table, value_of
from ferlab.sweep.study import Counts


@dataclass(frozen=True)
class SweepResult:
    """How a study stands when the command ends.

    Attributes:
        table: of its trials.
        run_id: its MLflow run.
        counts: of its trials.
        budget: trials that are to count.
        is_over: whether nothing is left to do.
        too_many_failed: whether failed trials stopped it.
        errors: what ended workers that had not failed in a trial, such as a full disk.
    """

    table: Table
    run_id: str
    counts: Counts
    budget: int
    is_over: bool
    too_many_failed: bool
    errors: list[str]

    @property
    def exit_code(self) -> int:
        """Of the process: 0 when nothing is left to do, 130 after Ctrl-C, else 1."""
        if self.too_many_failed or self.errors:
            return 1
        return 0 if self.is_over else 130

    def summary(self) -> str:
        """For a person to read."""
        c, name = self.counts, self.table.study
        lines = [
            f"study    {name}: {c.counted} of {self.budget} trials count "
            f"({c.complete} complete, {c.pruned} pruned); {c.failed} failed, {c.retried} retried",
            *self._best(),
            "look     ferlab ui, then http://127.0.0.1:5000",
        ]
        lines += [f"error    a worker ended: {error}" for error in self.errors]
        if self.too_many_failed:
            lines.append("stopped  too many trials failed; their errors are in MLflow")
        elif not self.is_over:
            lines.append(f"go on    with the same command, or with study.name={name}")
        elif c.counted < self.budget:
            lines.append("stopped  the space or the time is used up")
        return "\n".join(lines)

    def _best(self) -> list[str]:
        table = self.table
        if table.best is None:
            return []
        seeds = f"the mean of {table.replicates} seeds" if table.replicates > 1 else "a single run"
        best = table.best
        return [
            f"best     {table.objectives[0]} {value_of(best):.6g} ({seeds}, chosen as the best)",
            f"with     {' '.join(spaces.overrides(best.point))}",
            f"run      {best.run_id}",
        ]
