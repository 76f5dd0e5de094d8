"""The trials of a sweep, best first, as a terminal shows them when it ends."""

from ferlab.cli.table import table
from ferlab.study.objectives import format_value
from ferlab.study.table import StudyTable

_SHOWN = 5


def ranking(study: StudyTable) -> str:
    """The best complete trials and, if it is not among them, the baseline; empty without any.

    Their ranks are those by the first objective.
    """
    ranked = study.ranked
    shown = [row for row in ranked if row in ranked[:_SHOWN] or row is study.baseline_row]
    rows = [
        [f"{ranked.index(row) + 1}.", f"{row.number}", study.label(row)]
        + [format_value(*pair) for pair in zip(study.objectives, row.values or (), strict=True)]
        for row in shown
    ]
    header = ["", "trial", "what", *study.objectives]
    return table(header, rows) if rows else ""
