"""Placement and reduction of attention: a map for each kind and position of it."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ferlab.analysis.search import uncertainty
from ferlab.config.attention import KINDS, POSITIONS
from ferlab.figure_style import BLUE, EDGE, FAINT, INK, RULE, WIDTH, canvas, study_title, styled
from ferlab.study.objectives import axis_label, format_difference, format_value
from ferlab.study.params import Value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize

REDUCTION, STAGES, POSITION = (
    f"model.attention.{key}" for key in ("reduction", "stages", "position")
)

WITHOUT = "–"
"""The column of trials without a reduction, or for which none was searched."""

_AROUND = 1.15
"""Inches to the left and right of the panels."""

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
    beneath = 1.05
    shown = [cell for cell in (*found.cells.values(), found.plain) if cell.mean is not None]
    scale = _Scale.of(table, shown)
    note = f"mean {table.objectives[0]} of complete trials, and the runs behind it; "
    note += "hatched: not tried"
    if scale.floor:
        least = format_difference(table.objectives[0], scale.floor)
        note += f"; colours span {least} at least, for less may be chance"
    figure, whole = canvas(
        study_title(table.study, "reduction and placement"),
        note,
        max(width + _AROUND, WIDTH),
        height,
        left=0.95,
        right=max(0.2, WIDTH - 0.95 - width),
        bottom=beneath,
        top=1.0 if any(map(any, found.panels)) else 0.75,
    )
    whole.set_axis_off()
    for panel, (x, y, wide) in places.items():
        bounds = (x / width, 1 - (y + high) / height, wide / width, high / height)
        axes = whole.inset_axes(bounds)
        _draw_panel(axes, table, found, panel, scale)
        if x == 0:
            axes.set_ylabel("stages with attention")
        else:
            axes.tick_params(labelleft=False)
    wide = min(1.8, width)
    _draw_scale(
        whole.inset_axes((0, -0.75 / height, wide / width, 0.13 / height)),
        table.objectives[0],
        scale,
    )
    return figure


def _draw_scale(axes: Axes, objective: str, scale: "_Scale") -> None:
    """Draw the legend of the cells' colours."""
    steps = 24
    colours = [(BLUE, _depth(i / (steps - 1))) for i in range(steps)]
    axes.bar(range(steps), 1, width=1, color=colours)
    axes.set(xlim=(-0.5, steps - 0.5), ylim=(0, 1), yticks=[])
    ends = [format_value(objective, value, 1) for value in (scale.worst, scale.best)]
    axes.set_xticks((0, steps - 1), ends, size=8)
    axes.set_title(f"mean {axis_label(objective)}", size=8, loc="left", color=FAINT, pad=3)
    axes.tick_params(length=0, labelcolor=FAINT)
    axes.spines[:].set_visible(False)


def _layout(
    found: Map, high: float
) -> tuple[dict[Panel, tuple[float, float, float]], float, float]:
    """Left, top and width of each panel, then width and height of all, in inches.

    Panels go from left to right, and on in another line where there is no room.
    """
    gap_x, gap_y, column, most = 0.3, 0.85, 0.57, WIDTH - _AROUND
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


def _draw_panel(axes: Axes, table: StudyTable, found: Map, panel: Panel, scale: "_Scale") -> None:
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
            axes.text(**middle, s=f"{cell.pruned}\npruned", size=8, color=FAINT)
        else:
            axes.add_patch(Rectangle(**box, color=BLUE, alpha=_depth(scale.share(cell.mean))))
            text = f"{format_value(objective, cell.mean, 1)}\n{pluralize(cell.runs, 'run')}"
            axes.text(**middle, s=text, size=8)

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


@dataclass(frozen=True)
class _Scale:
    """The scale of colours; a few bad means do not flatten the others, nor does it show noise.

    Attributes:
        worst: the one end.
        best: the other.
        floor: two standard errors of a difference of two means; the ends are no closer.
    """

    worst: float
    best: float
    floor: float

    @classmethod
    def of(cls, table: StudyTable, cells: Sequence[Cell]) -> "_Scale":
        means, less = [cell.mean for cell in cells if cell.mean is not None], table.minimised[0]
        best, worst = (min(means), max(means)) if less else (max(means), min(means))
        runs = statistics.median(cell.runs for cell in cells)
        floor = 2 * uncertainty.deviation(table, best) * math.sqrt(2 / runs)
        reach = min(abs(best - worst), 3 * abs(best - statistics.median(means)))
        reach = max(reach, floor) or abs(best) or 1.0
        return cls(best + reach if less else best - reach, best, floor)

    def share(self, mean: float) -> float:
        """How far a mean is from the worst end, 0, to the best, 1."""
        return max(0.0, 1 - (self.best - mean) / (self.best - self.worst))


def _depth(share: float) -> float:
    """How opaque a cell is; what is written in it can be read on all."""
    return 0.06 + 0.6 * share


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
