"""How much each parameter alone goes along with the first objective, compared with chance.

A random forest, as in fANOVA, sees large importances in pure noise where trials are few, and
cannot take parameters that only some trials have. The share of variance between the values of one
parameter (eta squared of a one-way analysis of variance; Fisher 1925) can be taken over just the
trials that have it, and shuffling the scores says how large it is where there is no effect.

Optuna 5.0's conditional PED-ANOVA takes such parameters, too, but of simulated searches over kind,
reduction, stages and learning rate, one of which had an effect (60 of each), it ranked that one
first in 52 % with 24 trials and 64 % with 60 (64 % and 84 % with the best quarter as its target in
place of the best tenth); eta squared did in 74 % and 93 %. Where nothing had an effect, the
parameter it put first still had a share of 47 % with 200 trials, and the shuffles that would say so
took 25 s, not 0.1 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ferlab.figure_style import (
    BLUE,
    FAINT,
    INK,
    RULE,
    WIDTH,
    canvas,
    legend_above,
    short_keys,
    study_title,
    styled,
)
from ferlab.study.params import Value
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize

ENOUGH = 8
"""Fewest complete trials from which the importance of a parameter is estimated."""

_LEVELS = 8
"""Most distinct numbers of a parameter that are compared one by one, not in quarters."""

_SHUFFLES = 400


@dataclass(frozen=True)
class Importance:
    """The importance of one parameter.

    Attributes:
        key: key of the parameter.
        share: share of the variance, among trials that have it, between its values; 0 to 1.
        chance: the share that 95 % of shuffles stay below.
        trials: number of complete trials that have it.
        groups: description of the groups that are compared, ``7 values`` or ``in quarters``.
    """

    key: str
    share: float
    chance: float
    trials: int
    groups: str


def importances(table: StudyTable) -> list[Importance]:
    """The importance of each parameter with enough complete trials and values, largest first."""
    rows = [row for row in table.complete if np.isfinite(value_of(row))]
    keys = dict.fromkeys(key for row in rows for key in row.params)
    found = [_importance(key, [row for row in rows if key in row.params]) for key in keys]
    return sorted((one for one in found if one is not None), key=lambda one: -one.share)


@styled
def parameter_importances(table: StudyTable) -> Figure | None:
    """Draw how much of the first objective's variance goes along with each parameter alone."""
    found = importances(table)
    if not found:
        return None
    note = (
        f"share of the variance of {table.objectives[0]} that goes along with one parameter "
        f"alone, of {pluralize(len(table.complete), 'complete trial')}"
    )
    names = short_keys([one.key for one in found])
    left, right = max(1.0, 0.3 + 0.072 * max(map(len, names))), 1.45
    inches = WIDTH - left - right
    figure, axes = canvas(
        study_title(table.study, "parameter importances"),
        note,
        WIDTH,
        0.42 * len(found),
        left=left,
        right=right,
    )
    rows = range(len(found))
    chance = [one.chance for one in found]
    axes.barh(rows, chance, height=0.72, color=RULE, label="95 % of shuffled scores stay below")
    axes.barh(rows, [one.share for one in found], height=0.34, color=BLUE, label="measured")
    for row, one in enumerate(found):
        beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
        weight = "bold" if one.share > one.chance else "normal"
        axes.text(1 + 0.08 / inches, row, f"{one.share:.0%}", weight=weight, **beside)
        behind = f"{pluralize(one.trials, 'trial')}\n{one.groups}"
        axes.text(1 + 0.55 / inches, row, behind, size=8, color=FAINT, **beside)
    axes.set(xlim=(0, 1), ylim=(len(found) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.set_xticks((0, 0.5, 1))
    axes.set_yticks(rows, names, color=INK)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="x")
    legend_above(figure, 2)
    return figure


def _importance(key: str, rows: Sequence[TrialRow]) -> Importance | None:
    if len(rows) < ENOUGH:
        return None
    values = [row.params[key] for row in rows]
    most = min(_LEVELS, len(rows) // 2)
    quarters = len(set(values)) > most and all(_is_number(value) for value in values)
    levels = _quarters(values) if quarters else _levels(values)
    count = int(levels.max()) + 1
    scores = np.array([value_of(row) for row in rows])
    if not 2 <= count <= len(rows) // 2 or np.ptp(scores) == 0:
        return None
    shuffled = np.random.default_rng(0).permuted(np.tile(scores, (_SHUFFLES, 1)), axis=1)
    share, *chance = _shares(np.vstack([scores, shuffled]), levels, count)
    groups = "in quarters" if quarters else f"{count} values"
    return Importance(key, share, float(np.quantile(chance, 0.95)), len(rows), groups)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quarters(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The quarter of the values that each value is in, from 0, shape (n,)."""
    edges = np.quantile(values, (0.25, 0.5, 0.75))
    return np.unique(np.searchsorted(edges, values), return_inverse=True)[1]


def _levels(values: Sequence[Value]) -> npt.NDArray[np.int64]:
    """Each value's group, from 0, shape (n,)."""
    order = {value: i for i, value in enumerate(dict.fromkeys(values))}
    return np.array([order[value] for value in values])


def _shares(
    scores: npt.NDArray[np.float64], levels: npt.NDArray[Any], count: int
) -> npt.NDArray[np.float64]:
    """Share of the variance that is between levels: scores (s, n) -> (s,)."""
    deviations = scores - scores.mean(axis=1, keepdims=True)
    member = np.eye(count)[levels]  # (n, count)
    between = (deviations @ member) ** 2 / member.sum(axis=0)
    shares: npt.NDArray[np.float64] = between.sum(axis=1) / (deviations**2).sum(axis=1)
    return shares
