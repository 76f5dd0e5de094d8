"""Which of a study's trials were trained by other code than others, in words."""

from collections.abc import Sequence

from ferlab.study.table import StudyTable, TrialRow
from ferlab.text import join_words

_LISTED = 10
"""Runs of consecutive trials that are listed; of more, less is told."""


def tell_codes(table: StudyTable) -> str:
    """What a reader must know of a study that was gone on with under changed code; else empty."""
    rows = [row for row in table.rows if row.state in ("complete", "pruned") and row.codes]
    mixed = [row for row in rows if len(row.codes) > 1]
    states = sorted({row.codes[0] for row in rows if len(row.codes) == 1})
    groups = [_numbers([row for row in rows if row.codes == (state,)], rows) for state in states]
    parts = []
    if len(groups) == 2:
        were = "trials {} were" if groups[0].strip("0123456789") else "trial {} was"
        parts.append(f"{were.format(groups[0])} trained by other code than {groups[1]}")
    elif len(groups) > 2:
        states_of = f"{len(groups)} different states of the code"
        parts.append(f"trials were trained by {states_of}: {'; '.join(groups)}")
    if mixed:
        of = f"trial{'s' if len(mixed) > 1 else ''} {_numbers(mixed, rows)}"
        parts.append(f"of {of}, not all seeds were trained by the same code")
    return "; ".join(parts)


def _numbers(some: Sequence[TrialRow], rows: Sequence[TrialRow]) -> str:
    """Their numbers, ``0-7, 9 and 11``; nothing but ``rows`` can stand between two of them."""
    numbers = {row.number for row in some}
    runs: list[list[int]] = []
    is_next = False
    for row in rows:
        if row.number not in numbers:
            is_next = False
            continue
        if not is_next:
            runs.append([])
        runs[-1].append(row.number)
        is_next = True
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return join_words(texts if len(texts) <= _LISTED else [*texts[:_LISTED], "more"])
