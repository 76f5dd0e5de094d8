"""Placement and reduction of attention: a map for each kind and position of it."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ferlab.config.attention import KINDS, POSITIONS
from ferlab.figure_style import BLUES, EDGE, FAINT, INK, RULE, canvas, study_title, styled
from ferlab.study.objectives import format_value
from ferlab.study.params import Value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize

REDUCTION, STAGES, POSITION = (
    f"model.attention.{key}" for key in ("reduction", "stages", "position")
)

WITHOUT = "–"
"""The column of trials without a reduction, or for which none was searched."""

Panel = tuple[str, str]
"""A kind and a position of attention; each is empty where it was not searched."""


@dataclass(frozen=True)
class Cell:
    """The trials of one panel, placement and reduction.

    Attributes:
        mean: mean first objective of the complete trials; None where there is none.
        runs: number of training runs behind the mean: its trials' seeds.
        pruned: number of trials that were stopped early.
    """

    mean: float | None
    runs: int
    pruned: int


@dataclass(frozen=True)
class Map:
    """Cells by panel, placement and reduction.

    Attributes:
        panels: each panel with the reductions that are its columns; `WITHOUT` alone where the
            kind has none.
        placements: ``1``, ``2+3``, ``all``: a row each, small subsets first.
        cells: cells by panel, placement and reduction; a key is absent where nothing was tried.
        plain: the cell of the trials without attention, whatever their position.
    """

    panels: dict[Panel, tuple[str, ...]]
    placements: tuple[str, ...]
    cells: dict[tuple[Panel, str, str], Cell]
    plain: Cell


def placement_map(table: StudyTable) -> Map | None:
    """A study's map; None if stages were not searched, or no trial with attention is complete."""
    ended = [row for row in table.rows if row.state == "pruned" or row.values]
    placed = [row for row in ended if not row.is_plain and STAGES in row.params]
    if not any(row.values for row in placed):
        return None
    groups: dict[tuple[Panel, str, str], list[TrialRow]] = defaultdict(list)
    for row in placed:
        panel = row.attention, str(row.params.get(POSITION, ""))
        groups[panel, stages_of(row.params[STAGES]), _column(row)].append(row)
    panels = sorted({panel for panel, _, _ in groups}, key=_panel_order)
    placements = {stages for _, stages, _ in groups}
    return Map(
        panels={  # the same columns at all positions of a kind, to be compared
            panel: tuple(
                sorted({r for (kind, _), _, r in groups if kind == panel[0]}, key=_reduction_value)
            )
            for panel in panels
        },
        placements=tuple(sorted(placements, key=lambda p: (p == "all", p.count("+"), p))),
        cells={key: _cell(rows) for key, rows in groups.items()},
        plain=_cell([row for row in ended if row.is_plain]),
    )


def _column(row: TrialRow) -> str:
    """A trial's reduction, which a sweep without conditions draws even for what has none."""
    kind = KINDS.get(row.attention)
    has_one = REDUCTION in row.params and (kind is None or kind.has_reduction)
    return str(row.params[REDUCTION]) if has_one else WITHOUT


def _panel_order(panel: Panel) -> tuple[int, ...]:
    """Sort key of a panel, in the order of `KINDS` and `POSITIONS`."""
    ranked = zip(panel, (list(KINDS), list(POSITIONS)), strict=True)
    return tuple(known.index(part) if part in known else -1 for part, known in ranked)


def _reduction_value(reduction: str) -> float:
    return 0.0 if reduction == WITHOUT else float(reduction)


@styled
def placement(table: StudyTable) -> Figure | None:
    """Mean of the first objective by reduction (columns) and stages with attention (rows)."""
    found = placement_map(table)
    if found is None:
        return None
    high = 0.46 * (len(found.placements) + 1.25)
    places, width, height = _layout(found, high)
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
        top=1.05 if any(map(any, found.panels)) else 0.8,
    )
    whole.set_axis_off()
    means = [c.mean for c in (*found.cells.values(), found.plain) if c.mean is not None]
    scale = _scale(means, table.minimised[0])
    for panel, (x, y, wide) in places.items():
        bounds = (x / width, 1 - (y + high) / height, wide / width, high / height)
        _draw_panel(whole.inset_axes(bounds), table, found, panel, scale)
    return figure


def _layout(
    found: Map, high: float
) -> tuple[dict[Panel, tuple[float, float, float]], float, float]:
    """Left, top and width of each panel, then width and height of all, in inches.

    Panels go from left to right, and on in another line where there is no room.
    """
    gap_x, gap_y, column, most = 0.85, 0.75, 0.72, 14.0
    places: dict[Panel, tuple[float, float, float]] = {}
    x, y, width = 0.0, 0.0, 0.0
    for panel, reductions in found.panels.items():
        wide = column * len(reductions)
        if x and x + wide > most:
            x, y = 0.0, y + high + gap_y
        places[panel] = x, y, wide
        width = max(width, x + wide)
        x += wide + gap_x
    return places, width, y + high


def _draw_panel(
    axes: Axes, table: StudyTable, found: Map, panel: Panel, scale: Callable[[float], float]
) -> None:
    """Draw one panel's cells, below a row for the trials without attention."""
    reductions, objective = found.panels[panel], table.objectives[0]
    columns = len(reductions)

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
        for i, reduction in enumerate(reductions):
            cell(i + 0.04, j + 1.25, 0.92, found.cells.get((panel, stages, reduction)))
    axes.set(xlim=(0, columns), ylim=(len(found.placements) + 1.25, 0))
    axes.set_xlabel("" if reductions == (WITHOUT,) else "reduction")
    axes.set_xticks([i + 0.5 for i in range(columns)], reductions)
    places = [0.46, *(j + 1.71 for j in range(len(found.placements)))]
    axes.set_yticks(places, ["none", *found.placements])
    kind, position = panel
    where = POSITIONS.get(position, position)
    axes.set_title(", ".join(filter(None, [kind, where])), size=9, loc="left")
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _scale(means: Sequence[float], less: bool) -> Callable[[float], float]:
    """Map a mean to a depth of colour, 0 to 1; a few bad means do not flatten the others."""
    best, worst = (min(means), max(means)) if less else (max(means), min(means))
    reach = min(abs(best - worst), 3 * abs(best - statistics.median(means))) or 1.0
    return lambda mean: max(0.0, 1 - abs(best - mean) / reach)


def stages_of(stages: Value) -> str:
    """A choice of stages in the form of run names: ``[2,3]`` -> ``2+3``."""
    return "+".join(part.strip() for part in str(stages).strip("[]").split(","))


def _cell(rows: Sequence[TrialRow]) -> Cell:
    complete = [row for row in rows if row.state == "complete"]
    values = [value_of(row) for row in complete]
    return Cell(
        mean=sum(values) / len(values) if values else None,
        runs=sum(len(row.replicates) or 1 for row in complete),
        pruned=len(rows) - len(complete),
    )
