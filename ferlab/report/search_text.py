"""A study's result in words, as Markdown: what was found, and how much of it may be chance."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from ferlab.analysis.search import uncertainty
from ferlab.config.naming import NO_ATTENTION
from ferlab.report.search_gain import tell_lead
from ferlab.report.search_uncertainty import chance
from ferlab.study.code import tell_codes
from ferlab.study.deleted import tell_deleted
from ferlab.study.objectives import format_difference, format_value
from ferlab.study.params import Choices, Range, format_override, overrides
from ferlab.study.table import BEFORE, OutsideRow, StudyTable, TrialRow
from ferlab.text import join_words, pluralize

CAPTIONS = {
    "history": "Optimisation history: each trial, and the best so far",
    "leads": "How far each point is ahead of the baseline",
    "slices": "The score against each parameter alone",
    "placement": "Reduction and placement, with the runs behind each cell",
    "parallel": "Parameters and score of each trial, coloured by the score",
    "importances": "What goes along with the score, beside what chance would do",
    "front": "Pareto front",
    "curves": "Learning curves",
}
"""The caption of each picture, by its name."""

_BEST = 20
"""Largest number of rows on the best trials."""

_NOT_COUNTED = 20
"""Largest number of rows on what is not counted."""

_LISTED = 10
"""Largest number of values of a parameter, or of trials of a front, that are listed."""


def search_markdown(
    table: StudyTable, command: str, settle: str, pictures: Mapping[str, str], notes: str = ""
) -> str:
    """A study's result as a Markdown text.

    Args:
        table: the study.
        command: the command that ran it, ``ferlab sweep se_placement``.
        settle: the command that has its best compared under fresh seeds.
        pictures: paths of the pictures, relative to the text, by the names of `CAPTIONS`.
        notes: Markdown of a user's own, which goes in as it is.
    """
    parts = [f"# {table.study}"]
    if table.question:
        parts.append("\n".join(f"> {line}" for line in table.question.strip().splitlines()))
    parts += _result(table, settle)
    parts += searched(table)
    if table.best is not None:
        parts += _best(table)
    else:
        parts.append("No trial is complete, so there is nothing to compare.")
    if notes:
        parts.append(notes)
    if table.best is not None:
        parts += chance(table)
    parts += _outside(table)
    if pictures:
        parts.append("## Pictures")
        parts += [f"![{CAPTIONS[name]}]({file})" for name, file in pictures.items()]
    parts += ["## Again", f"    {command}"]
    parts.append("takes the study up where it stands; with `--new`, another one is begun.")
    if table.best is not None:
        parts.append(
            f"The best trial is MLflow run `{table.best.run_id}`, which holds its whole config."
        )
    return "\n\n".join(parts) + "\n"


def _result(table: StudyTable, settle: str) -> Iterator[str]:
    """The best in a line, and whether it is too close to call."""
    best = table.best
    if best is None:
        return
    objective = table.objectives[0]
    of = f"{len(best.replicates)} seeds" if len(best.replicates) > 1 else "a single run"
    told = tell_lead(table, f"`{settle}`")
    yield (
        f"**Result.** {format_value(objective, best.values[0] if best.values else math.nan)} "
        f"{objective} ({of}), trial {best.number}: {best.name}."
        + (f" {told[0].upper()}{told[1:]}." if told else "")
    )


def searched(table: StudyTable) -> Iterator[str]:
    """Paragraphs on the trials: which values were tried, how many were pruned, and their cost."""
    yield "## What was searched"
    yield " ".join([_counts(table), _replication(table), *_cost(table), *_timed(table)])
    if told := tell_deleted(table):
        yield f"**Deleted.** {told[0].upper()}{told[1:]}."
    if told := tell_codes(table):
        yield (
            f"**Code.** {told[0].upper()}{told[1:]}. A difference between them may be one of the "
            "code alone."
        )
    keys = dict.fromkeys(key for row in table.rows for key in row.params)
    if keys:
        yield markdown_table(
            ["parameter", "values tried"], [[f"`{k}`", _format_values(table, k)] for k in keys]
        )


def _counts(table: StudyTable) -> str:
    complete, pruned, failed, running = (
        len(table.of(state)) for state in ("complete", "pruned", "failed", "running")
    )
    done = complete + pruned
    text = (
        f"Of {pluralize(table.budget, 'trial')}, {done:,} {'is' if done == 1 else 'are'} done: "
        f"{complete:,} complete and {pruned:,} pruned"
    )
    if failed:
        text += f"; {failed:,} more failed"
    if running:
        text += f"; {running:,} more {'is' if running == 1 else 'are'} running"
    if pruned:
        text += ". What is pruned was stopped early and stands in none of the comparisons below"
    return f"{text}."


def _replication(table: StudyTable) -> str:
    epochs = pluralize(table.epochs, "epoch")
    if table.replicates == 1:
        return f"A trial is one run of at most {epochs}."
    seeds = f"{table.replicates} seeds, the same for all trials"
    return f"A trial is trained under {seeds}, for at most {epochs} each."


def _cost(table: StudyTable) -> Iterator[str]:
    seconds = sum(row.ended - row.started for row in table.rows if row.ended is not None)
    epochs = sum(len(row.epochs) for row in table.rows)
    if seconds:
        text = f"Added up, the trials took {_duration(seconds)} from start to end"
        yield text + (
            f", for {pluralize(epochs, 'epoch')}." if epochs and table.replicates == 1 else "."
        )


def _timed(table: StudyTable) -> Iterator[str]:
    """Sentences on what else ran while latency was timed, if latency is an objective."""
    if "latency" not in table.objectives or not table.complete:
        return
    known = [row.beside for row in table.complete if row.beside is not None]
    if len(known) < len(table.complete):
        beside = "beside what is not known of every trial"
    elif not any(known):
        beside = "with no other trial being trained on its machine"
    else:
        low, most = min(known), max(known)
        many = pluralize(most, "other trial")
        which = f"{many} {'was' if most == 1 else 'were'}"
        beside = f"while {which if low == most else f'{low} to {which}'} trained on its machine"
    yield f"Latency was timed at the end of each run, {beside}."
    if len(known) < len(table.complete) or any(known):
        yield "Others lengthen it: take small gaps for none, or sweep with `study.workers=1`."


def _best(table: StudyTable) -> Iterator[str]:
    ranked, seeds = table.ranked, any(len(row.replicates) > 1 for row in table.rows)
    plain = next((row for row in ranked if row.is_plain), None)
    shown = ranked[:_BEST]
    base = table.baseline_row
    beneath = [row for row in ranked if row is plain or row is base]
    shown += [row for row in beneath if row not in shown]
    header = ["", "trial", "what", *table.objectives]
    header += [] if base is None else ["ahead of the baseline"]
    header += ["sd between its seeds", "seeds"] if seeds else []
    lines = []
    for row in shown:
        line = [f"{ranked.index(row) + 1}", f"{row.number}", _format_name(table, row)]
        line += map(format_value, table.objectives, row.values or ())
        if base is not None:
            lead = uncertainty.ahead(table, row, base)
            told = format_difference(table.objectives[0], lead)
            line.append("–" if row is base else f"+{told}" if lead > 0 else told)
        if seeds:
            apart = statistics.stdev(row.replicates) if len(row.replicates) > 1 else None
            line.append("–" if apart is None else format_difference(table.objectives[0], apart))
            line.append(f"{max(1, len(row.replicates))}")
        lines.append([*line, f"`{(row.run_id or '–')[:8]}`"])
    yield "## The best" if len(table.complete) > 1 else "## The only complete trial"
    yield markdown_table([*header, "run"], lines)
    if len(table.objectives) > 1:
        front = [str(row.number) for row in table.front]
        which = (
            join_words(front) if len(front) <= _LISTED else f"{', '.join(front[:_LISTED])} and more"
        )
        yield (
            f"{pluralize(len(front), 'trial')} on the Pareto front, where none is better in one "
            f"objective without being worse in another: {which}."
        )


def _outside(table: StudyTable) -> Iterator[str]:
    """Paragraphs on what is not counted, and on changes of the space, if there are any."""
    if table.changes:
        yield "## The space was changed"
        yield "\n".join(f"- {'; '.join(change)}" for change in table.changes)
    if not table.outside:
        return
    yield "## Not counted"
    yield (
        "None of these is a trial of this study, or stands in a comparison: results that were "
        "found elsewhere, which the sampler went by; points that were enqueued and not trained; "
        "trials that fit the space no more."
    )
    header = ["trial", "from", "with", *table.objectives, "note"]
    none = ["–"] * len(table.objectives)
    lines = [
        [
            f"{row.number}",
            row.origin,
            f"`{' '.join(overrides(row.params))}`",
            *(map(format_value, table.objectives, row.values) if row.values else none),
            _note(row),
        ]
        for row in table.outside[:_NOT_COUNTED]
    ]
    yield markdown_table(header, lines)
    if len(table.outside) > _NOT_COUNTED:
        yield f"And {len(table.outside) - _NOT_COUNTED} more."


def _note(row: OutsideRow) -> str:
    if row.origin == "enqueued":
        return f"skipped: {row.why}"
    if row.origin == BEFORE:
        return row.why
    return f"unknown to the sampler: {row.why}" if row.why else ""


def _format_name(table: StudyTable, row: TrialRow) -> str:
    if row.is_plain and row.params != table.baseline and NO_ATTENTION not in row.name:
        return f"{row.name} (no attention)"
    return table.label(row)


def _format_values(table: StudyTable, key: str) -> str:
    values = list(dict.fromkeys(row.params[key] for row in table.rows if key in row.params))
    domain = table.domains.get(key)
    if isinstance(domain, Choices):
        values.sort(key=domain.values.index)
        return ", ".join(f"`{format_override(value)}`" for value in values)
    if isinstance(domain, Range) and domain.continuous:
        tried = sorted(float(value or 0) for value in values)
        ends = f"from {tried[0]:.4g} to {tried[-1]:.4g}" if len(tried) > 1 else f"{tried[0]:.4g}"
        scale = ", on a logarithmic scale" if domain.log else ""
        return (
            f"{pluralize(len(tried), 'value')} {ends}, of {domain.low:g} to {domain.high:g}{scale}"
        )
    texts = [overrides({key: value})[0].partition("=")[2] for value in values]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        texts = [text for _, text in sorted(zip(numbers, texts, strict=True))]
    else:
        texts.sort(key=lambda text: (len(text), text))
    if len(texts) <= _LISTED:
        return ", ".join(f"`{text}`" for text in texts)
    if len(numbers) == len(values):
        return f"{pluralize(len(texts), 'value')} from {min(numbers):.4g} to {max(numbers):.4g}"
    return pluralize(len(texts), "value")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in r)} |" for r in lines)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return pluralize(round(seconds), "second")
    if seconds < 90 * 60:
        return pluralize(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"
