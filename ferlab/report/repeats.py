"""What a repeated search finds, in words and as files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ferlab.analysis.comparison.verdict import points
from ferlab.analysis.repeated.figure import repeats_figure
from ferlab.analysis.repeated.outcome import Outcome, Scores, values_by_key
from ferlab.config.study import is_less_better
from ferlab.confirm.repeats import Repeats
from ferlab.confirm.winners import Repeated
from ferlab.report.page import write_page
from ferlab.report.search_files import settle
from ferlab.report.search_text import markdown_table
from ferlab.report.svg import save_svg
from ferlab.study.objectives import format_value
from ferlab.study.params import Value, format_override, overrides
from ferlab.sweep import studies
from ferlab.tracking.run import Run

TEXT, PAGE, PICTURE = "REPEATS.md", "repeats.html", "repeats.svg"

_LISTED = 5
"""Winners that a line of the terminal names."""


def write_repeats(repeats: Repeats, repeated: Repeated, outcome: Outcome, folder: Path) -> None:
    """Write the text, its picture, and a page of both; and keep them on the MLflow run, too.

    Args:
        repeats: what was repeated.
        repeated: that is over.
        outcome: its.
        folder: created if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = repeats_markdown(repeats, repeated, outcome)
    run_id = studies.open_study(repeats.name, repeats.settings.storage).user_attrs["run_id"]
    with tempfile.TemporaryDirectory() as kept:
        for place in (folder, Path(kept)):
            save_svg(repeats_figure(outcome), place / PICTURE)
            (place / TEXT).write_text(text, encoding="utf-8")
            write_page(f"{repeats.study}: repeated", text, place, [PICTURE], PAGE)
        Run(repeated.client, run_id).log_folder(Path(kept))


def summary(repeats: Repeats, repeated: Repeated, outcome: Outcome) -> Iterator[str]:
    """The same in a few lines, for a terminal."""
    wins = outcome.wins
    told = [f"{search.winner} ({count})" for search, count in wins[:_LISTED]]
    told += [f"{len(wins) - _LISTED} more"] if len(wins) > _LISTED else []
    searches = f"{len(outcome.searches)} searches"
    yield f"repeats  {repeats.study}: {searches}; winners: {'; '.join(told)}"
    yield f"chosen   for {outcome.objective} {_told(outcome, outcome.selected)}"
    yield f"outcome  {outcome.objective} {_told(outcome, outcome.fresh)} under fresh seeds"
    if outcome.gain is not None:
        yield f"gain     {_difference(outcome, outcome.gain)} against the baseline, same seeds"
    for command in _next(repeats, repeated, outcome):
        yield f"next     {command}"


def repeats_markdown(repeats: Repeats, repeated: Repeated, outcome: Outcome) -> str:
    """The report as a Markdown text, which shows `PICTURE`."""
    parts = [f"# {repeats.study}: the search, repeated"]
    if question := repeats.settings.question:
        parts.append("\n".join(f"> {line}" for line in question.strip().splitlines()))
    parts += _result(outcome)
    parts += _wins(outcome)
    parts += _scores(outcome)
    parts += _reading(repeats, outcome)
    commands = [*_next(repeats, repeated, outcome), repeats.command(here=False)]
    parts += ["## Next", "\n".join(f"    {command}" for command in commands)]
    parts.append("The last one is that which made this; it trains nothing twice.")
    return "\n\n".join(parts) + "\n"


def _result(outcome: Outcome) -> Iterator[str]:
    (first, count), *others = outcome.wins
    number = len(outcome.searches)
    if not others:
        found = f"one and the same configuration: {first.winner}"
    elif count == 1:
        found = f"{number} configurations, none of them twice"
    else:
        found = f"{len(others) + 1} configurations, most often {first.winner} ({count} times)"
    worth = f"Under fresh seeds what they found is worth {_told(outcome, outcome.fresh)}"
    if outcome.gain is not None:
        worth += f", against the baseline {_difference(outcome, outcome.gain)}"
    yield f"**Result.** {number} independent searches found {found}. {worth}."


def _wins(outcome: Outcome) -> Iterator[str]:
    yield "## Which configuration wins"
    number = len(outcome.searches)
    yield markdown_table(
        ["configuration", "wins", "overrides"],
        [
            [search.winner, f"{count} of {number}", f"`{' '.join(overrides(search.params))}`"]
            for search, count in outcome.wins
        ],
    )
    if len(outcome.wins) > 1:
        yield "What the winners have in common:"
        values = values_by_key(outcome.searches)
        yield markdown_table(
            ["parameter", "in the winners"], [[f"`{k}`", _listed(v)] for k, v in values.items()]
        )


def _listed(values: list[Value]) -> str:
    """How often which value won; of many numbers, from where to where."""
    counts = {value: values.count(value) for value in values}
    numbers = [value for value in counts if isinstance(value, float)]
    if len(numbers) == len(counts) > 2:
        return f"{min(numbers):.4g} to {max(numbers):.4g}"
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{format_override(value)} ({count})" for value, count in ordered)


def _scores(outcome: Outcome) -> Iterator[str]:
    yield f"## What a search finds, in {outcome.objective}"
    gain = outcome.gain
    header = ["", "search", "winner", "chosen for", "fresh seed", "under it"]
    header += [] if gain is None else ["baseline under it", "difference"]
    rows = []
    for i, search in enumerate(outcome.searches):
        rows.append([f"{i + 1}", search.study, search.winner, _value(outcome, search.selected)])
        rows[-1] += [f"{search.seed}", _value(outcome, search.fresh)]
        if gain is not None and search.baseline is not None:
            rows[-1] += [_value(outcome, search.baseline), _signed(outcome, gain.values[i])]
    yield markdown_table(header, rows)
    yield f"![Each winner when it was chosen, and under a fresh seed]({PICTURE})"
    lines = [
        f"- **Chosen for**: {_told(outcome, outcome.selected)}. The best of many is chosen for its "
        "luck, too.",
        f"- **Under fresh seeds**: {_told(outcome, outcome.fresh)}. This is what to expect of a "
        "search like these.",
        f"- **Luck**, the one less the other: {_difference(outcome, outcome.optimism)}.",
    ]
    if gain is not None:
        lines.append(f"- **Gain** against the baseline, same seeds: {_difference(outcome, gain)}.")
    yield "\n".join(lines)


def _reading(repeats: Repeats, outcome: Outcome) -> Iterator[str]:
    yield "## How to read this"
    drawn = (
        "draws its points and trains them under seeds of its own"
        if repeats.settings.trials is not None
        else "trains every point of the space, under seeds of its own"
    )
    less = " Less is better." if is_less_better(outcome.objective) else ""
    yield (
        f"Each search is a study that {drawn}. When all were over, each winner was trained once "
        "more under a seed that no run on this data had used"
        + ("" if outcome.gain is None else ", and so was the baseline")
        + f".{less} An interval holds the mean over all such searches in 95 of 100 cases "
        "(Student's t over the searches), on these training and validation images; it takes three."
    )
    yield (
        "All of it is told by the validation images, on which configurations and epochs were "
        "chosen, so it is still a little too good. No model was scored on the test split: "
        "`ferlab confirm` does that, once a configuration is chosen."
    )


def _next(repeats: Repeats, repeated: Repeated, outcome: Outcome) -> Iterator[str]:
    """What to type next: more repeats where they are few, and what settles the matter."""
    if outcome.fresh.estimate is None:
        yield repeats.command(here=True, count=len(outcome.searches) + 1)
    tables = {table.study: table for table in repeated.tables}
    for search, _ in outcome.wins:
        table = tables[search.study]
        if search.params != table.baseline:
            yield settle(table, repeats.settings.storage)
            return


def _value(outcome: Outcome, value: float) -> str:
    return format_value(outcome.objective, value)


def _told(outcome: Outcome, scores: Scores) -> str:
    """The mean with its interval, or with its range where there is none."""
    if (estimate := scores.estimate) is not None:
        low, high = (_value(outcome, end) for end in estimate.interval())
        return f"{_value(outcome, scores.mean)} (95 % interval {low} to {high})"
    low, high = (_value(outcome, end) for end in (min(scores.values), max(scores.values)))
    return f"{_value(outcome, scores.mean)} (from {low} to {high}; an interval takes 3 searches)"


def _difference(outcome: Outcome, scores: Scores) -> str:
    """The same of differences."""
    unit = " points" if outcome.objective == "val/accuracy" else ""
    if (estimate := scores.estimate) is not None:
        low, high = (_signed(outcome, end) for end in estimate.interval())
        return f"{_signed(outcome, scores.mean)}{unit} (95 % interval {low} to {high})"
    return f"{_signed(outcome, scores.mean)}{unit}"


def _signed(outcome: Outcome, difference: float) -> str:
    return points(difference) if outcome.objective == "val/accuracy" else f"{difference:+.4f}"
