"""Which of a study's trials cannot be the best, for their runs were deleted, in words."""

from ferlab.study.objectives import format_value
from ferlab.study.table import StudyTable, value_of
from ferlab.text import pluralize

_LISTED = 5
"""Trials that are listed; of more, only the number is told."""


def tell_deleted(table: StudyTable) -> str:
    """What a reader must know of trials whose MLflow runs were deleted; else empty."""
    rows = table.deleted
    if not rows:
        return ""
    told = ", ".join(
        f"{row.number} ({row.name}, {format_value(table.objectives[0], value_of(row))}, "
        f"run {row.run_id})"
        for row in rows[:_LISTED]
    )
    more = f" and {pluralize(len(rows) - _LISTED, 'more')}" if len(rows) > _LISTED else ""
    which, runs = (
        ("trial", "the run of it was") if len(rows) == 1 else ("trials", "their runs were")
    )
    return (
        f"{which} {told}{more} counts, but cannot be named the best: {runs} deleted in MLflow; "
        "mlflow runs restore --run-id brings one back"
    )
