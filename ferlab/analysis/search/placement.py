"""Where attention was put and how narrow it was: the cells of the map of reduction x placement."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ferlab.figure_style import BLUES, EDGE, FAINT, INK, RULE, canvas, study_title, styled
from ferlab.study.objectives import format_value
from ferlab.study.params import Value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize

REDUCTION, STAGES, POSITION = (
    f"model.attention.{key}" for key in ("reduction", "stages", "position")
)


@dataclass(frozen=True)
class Cell:
    """The trials of one place and reduction.

    Attributes:
        mean: first objective of the complete trials; None where there is none.
        runs: training runs behind the mean: its trials' seeds.
        pruned: trials that were stopped early.
    """

    mean: float | None
    runs: int
    pruned: int


@dataclass(frozen=True)
class Map:
    """Cells by position, placement and reduction.

    Attributes:
        positions: a panel each; one empty text where the position was not searched.
        placements: ``1``, ``2+3``, ``all``: a row each, small subsets first.
        reductions: a column each.
        cells: by position, placement and reduction; a key is missing where nothing was tried.
        plain: the trials without attention, whatever their position.
    """

    positions: tuple[str, ...]
    placements: tuple[str, ...]
    reductions: tuple[str, ...]
    cells: dict[tuple[str, str, str], Cell]
    plain: Cell


def placement_map(table: StudyTable) -> Map | None:
    """The map; None where reduction and stages were not both searched, or nothing is complete."""
    ended = [row for row in table.rows if row.state == "pruned" or row.values]
    placed = [row for row in ended if not row.is_plain and {REDUCTION, STAGES} <= row.params.keys()]
    if not any(row.values for row in placed):
        return None
    groups: dict[tuple[str, str, str], list[TrialRow]] = defaultdict(list)
    for row in placed:
        position = str(row.params.get(POSITION, ""))
        stages = stages_of(row.params[STAGES])
        groups[position, stages, str(row.params[REDUCTION])].append(row)
    positions, placements, reductions = (set(axis) for axis in zip(*groups, strict=True))
    return Map(
        positions=tuple(sorted(positions, key=["", "conv", "pool", "dropout"].index)),
        placements=tuple(sorted(placements, key=lambda p: (p == "all", p.count("+"), p))),
        reductions=tuple(sorted(reductions, key=float)),
        cells={key: _cell(rows) for key, rows in groups.items()},
        plain=_cell([row for row in ended if row.is_plain]),
    )


@styled
def placement(table: StudyTable) -> Figure | None:
    """Mean of the first objective by reduction (columns) and stages with attention (rows)."""
    found = placement_map(table)
    if found is None:
        return None
    gap_x, gap_y = 0.85, 0.75
    wide = len(found.reductions) * 0.72
    across = max(1, min(len(found.positions), int(14 / (wide + gap_x))))
    down = -(-len(found.positions) // across)
    high = 0.46 * (len(found.placements) + 1.25)
    width, height = across * (wide + gap_x) - gap_x, down * (high + gap_y) - gap_y
    note = (
        f"mean {table.objectives[0]} of complete trials, and the runs behind it; hatched: not tried"
    )
    figure, whole = canvas(
        study_title(table.study, "reduction and placement"),
        note,
        max(width + 1.1, 5.8),
        height,
        left=0.9,
        right=max(0.2, 4.9 - width),
        top=1.05 if any(found.positions) else 0.8,
    )
    whole.set_axis_off()
    means = [c.mean for c in (*found.cells.values(), found.plain) if c.mean is not None]
    scale = _scale(means, table.minimised[0])
    for i, position in enumerate(found.positions):
        x, y = i % across * (wide + gap_x), height - high - i // across * (high + gap_y)
        axes = whole.inset_axes((x / width, y / height, wide / width, high / height))
        _panel(axes, table, found, position, scale)
    return figure


def _panel(
    axes: Axes, table: StudyTable, found: Map, position: str, scale: Callable[[float], float]
) -> None:
    """One position's cells, below a row for the trials without attention."""
    columns, objective = len(found.reductions), table.objectives[0]

    def cell(x: float, y: float, wide: float, cell: Cell | None) -> None:
        box: dict[str, Any] = {"xy": (x, y), "width": wide, "height": 0.92, "lw": 0}
        middle: dict[str, Any] = {"x": x + wide / 2, "y": y + 0.46, "ha": "center", "va": "center"}
        if cell is None:
            axes.add_patch(Rectangle(**{**box, "lw": 0.6}, fill=False, ec=RULE, hatch="///"))
        elif cell.mean is None:
            axes.add_patch(Rectangle(**{**box, "lw": 0.6}, fill=False, ec=EDGE))
            axes.text(**middle, s=f"{cell.pruned}\npruned", size=7, color=FAINT)
        else:
            depth = 0.05 + 0.9 * scale(cell.mean)
            axes.add_patch(Rectangle(**box, color=BLUES(depth)))
            text = f"{format_value(objective, cell.mean, 1)}\n{pluralize(cell.runs, 'run')}"
            axes.text(**middle, s=text, size=8, color="white" if depth > 0.5 else INK)

    cell(0.04, 0, columns - 0.08, found.plain if found.plain != Cell(None, 0, 0) else None)
    for j, stages in enumerate(found.placements):
        for i, reduction in enumerate(found.reductions):
            cell(i + 0.04, j + 1.25, 0.92, found.cells.get((position, stages, reduction)))
    axes.set(xlim=(0, columns), ylim=(len(found.placements) + 1.25, 0), xlabel="reduction")
    axes.set_xticks([i + 0.5 for i in range(columns)], found.reductions)
    places = [0.46, *(j + 1.71 for j in range(len(found.placements)))]
    axes.set_yticks(places, ["none", *found.placements])
    axes.set_title(f"after {position}" if position else "", size=9, loc="left")
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _scale(means: Sequence[float], less: bool) -> Callable[[float], float]:
    """From a mean to a depth of colour, 0 to 1; a few bad ones do not flatten the others."""
    best, worst = (min(means), max(means)) if less else (max(means), min(means))
    reach = min(abs(best - worst), 3 * abs(best - statistics.median(means))) or 1.0
    return lambda mean: max(0.0, 1 - abs(best - mean) / reach)


def stages_of(stages: Value) -> str:
    """A choice of stages as runs are called by it: ``[2,3]`` -> ``2+3``."""
    return "+".join(part.strip() for part in str(stages).strip("[]").split(","))


def _cell(rows: Sequence[TrialRow]) -> Cell:
    complete = [row for row in rows if row.state == "complete"]
    values = [value_of(row) for row in complete]
    return Cell(
        mean=sum(values) / len(values) if values else None,
        runs=sum(len(row.replicates) or 1 for row in complete),
        pruned=len(rows) - len(complete),
    )
