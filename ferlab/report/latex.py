"""A study as a table for a paper, in LaTeX with the package booktabs."""

import re
import statistics
from collections.abc import Iterator, Sequence

from ferlab.analysis.classification import Floats
from ferlab.analysis.comparison.compare import ConfigurationScore
from ferlab.analysis.comparison.verdict import Verdict, points
from ferlab.confirm.evidence import Evidence
from ferlab.study.objectives import format_value
from ferlab.study.table import StudyTable, TrialRow
from ferlab.text import pluralize

TABLE = "table.tex"

_SPECIAL = re.compile(r"[&%$#_{}~^\\]")
_SPELT = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}

_STAR = r"$^{*}$"

_MOST = 20
"""Trials of a search that a table has."""


def confirmation_table(evidence: Evidence) -> str:
    """Each configuration's scores on the test split, and its difference to the baseline."""
    plan, longest = evidence.choice.plan, evidence.parts[0].longest

    def scores(runs: int, accuracy: ConfigurationScore, f1: ConfigurationScore) -> list[str]:
        return [str(runs), _spread(accuracy.runs, 100, 2), _spread(f1.runs, 1, 4)]

    first = scores(len(longest.seeds), longest.accuracy.baseline, longest.f1.baseline)
    body = [[longest.baseline, *first, "--"]]
    for comparison in evidence.comparisons:
        _, ruling = evidence.rulings[comparison.arm]
        low, high = ruling.interval
        star = _STAR if ruling.verdict in (Verdict.BETTER, Verdict.WORSE) else ""
        differs = f"{points(ruling.estimate.value)}{star} ({points(low)} to {points(high)})"
        own = scores(len(comparison.seeds), comparison.accuracy.arm, comparison.f1.arm)
        body.append([comparison.arm, *own, differs])
    note = (
        f"Mean $\\pm$ standard deviation over seeds, on {longest.images:,} test images. "
        "Differences to the first row over common seeds, for other seeds and images, in points of "
        "accuracy, with their repeated confidence intervals, at "
        f"{100 * plan.alpha:g} % for all looks and comparisons together (group-sequential bounds, "
        "Holm's steps)."
    )
    if any(_STAR in row[-1] for row in body):
        note += f" {_STAR} Called better or worse."
    header = ["Configuration", "Seeds", "Accuracy (%)", "Macro F1", "Difference"]
    return _tabular(evidence.choice.study, header, body, note)


def search_table(table: StudyTable) -> str:
    """The best trials of a search; what was found in it is not confirmed."""
    rows = table.ranked[:_MOST]
    body = [[table.label(row), *_values(table, row)] for row in rows]
    seeds = f"mean of {table.replicates} seeds" if table.replicates > 1 else "one run each"
    if table.replicates > 1:
        seeds += " $\\pm$ standard deviation between them"
    images = f" on {table.images:,} validation images" if table.images else ""
    note = (
        f"The best {len(rows)} of {pluralize(len(table.complete), 'complete trial')} of a search, "
        f"{seeds}{images}. Each was chosen for its score, which is therefore too good; no test "
        "was made."
    )
    return _tabular(table.study, ["Configuration", *table.objectives], body, note)


def _values(table: StudyTable, row: TrialRow) -> Iterator[str]:
    for i, (objective, value) in enumerate(zip(table.objectives, row.values or (), strict=True)):
        told = format_value(objective, value)
        if i == 0 and len(row.replicates) > 1:
            told += f" $\\pm$ {format_value(objective, statistics.stdev(row.replicates))}"
        yield told


def _spread(runs: Floats, scale: int, digits: int) -> str:
    mean, deviation = scale * runs.mean(), scale * runs.std(ddof=1)
    return f"{mean:.{digits}f} $\\pm$ {deviation:.{digits}f}"


def _tabular(study: str, header: Sequence[str], body: Sequence[Sequence[str]], note: str) -> str:
    lines = [
        f"% {study}; needs \\usepackage{{booktabs}}",
        r"\begin{table}",
        r"  \centering",
        f"  \\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"    \toprule",
        f"    {' & '.join(map(_escaped, header))} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(map(_escaped, row))} \\\\" for row in body),
        r"    \bottomrule",
        r"  \end{tabular}",
        f"  \\caption{{{_escaped(note)}}}",
        f"  \\label{{tab:{re.sub(r'[^a-zA-Z0-9-]', '-', study)}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """A text as LaTeX shows it; what is mathematics already stays."""
    plain = text.split("$")
    told = [
        part if i % 2 else _SPECIAL.sub(lambda m: _SPELT.get(m[0], f"\\{m[0]}"), part)
        for i, part in enumerate(plain)
    ]
    return "$".join(told).replace("\N{MINUS SIGN}", "$-$")
