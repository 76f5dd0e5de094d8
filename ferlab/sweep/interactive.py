"""Optuna's own pictures of a study, to be moved about in a browser."""

import math
import warnings
from collections.abc import Callable, Collection

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState
from optuna.visualization import (
    plot_intermediate_values,
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_pareto_front,
    plot_slice,
)
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from ferlab.optuna_private import name_objectives

_MOST = 3
"""Objectives of which Optuna draws a front."""

_DRAWN = 1000
"""Trials that are drawn; of many more a browser shows nothing, and Optuna is at it for minutes."""

_ONE: tuple[Callable[..., Figure], ...] = (
    plot_optimization_history,
    plot_slice,
    plot_parallel_coordinate,
    plot_intermediate_values,
)


def interactive_page(study: optuna.Study, best: Collection[int]) -> str | None:
    """One HTML page with Optuna's plots of a study; it needs nothing from the network.

    Args:
        study: to draw.
        best: numbers of the trials that are drawn even where there are too many for all.

    Returns:
        None where Optuna has no plot: of more than three objectives, or without a complete trial.
    """
    plots = _ONE if len(study.directions) == 1 else (plot_pareto_front,)
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(study.directions) > _MOST or not complete:
        return None
    shown, step = _thinned(study, best)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        drawn = [plot(shown).to_html(full_html=False, include_plotlyjs=False) for plot in plots]
    told = (
        []
        if step == 1
        else [f"<p>One of {step} trials is drawn, and the best; they are numbered anew.</p>"]
    )
    body = "\n".join([*told, *drawn])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Optuna\'s plots</title>'
        f"<script>{get_plotlyjs()}</script></head><body>{body}</body></html>"
    )


def _thinned(study: optuna.Study, best: Collection[int]) -> tuple[optuna.Study, int]:
    """The study, or one with as many of its trials as can be drawn; and of how many one is."""
    trials = study.get_trials(deepcopy=False)
    step = math.ceil(len(trials) / _DRAWN)
    if step <= 1:
        return study, 1
    few = optuna.create_study(study_name=study.study_name, directions=study.directions)
    if study.metric_names:
        name_objectives(few, study.metric_names)
    few.add_trials(t for t in trials if t.number % step == 0 or t.number in best)
    return few, step
