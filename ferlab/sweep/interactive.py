"""Optuna's own pictures of a study, to be moved about in a browser."""

import warnings
from collections.abc import Callable

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

_MOST = 3
"""Objectives of which Optuna draws a front."""

_ONE: tuple[Callable[..., Figure], ...] = (
    plot_optimization_history,
    plot_slice,
    plot_parallel_coordinate,
    plot_intermediate_values,
)


def interactive_page(study: optuna.Study) -> str | None:
    """One HTML page with Optuna's plots of a study; it needs nothing from the network.

    Returns:
        None where Optuna has no plot: of more than three objectives, or without a complete trial.
    """
    plots = _ONE if len(study.directions) == 1 else (plot_pareto_front,)
    if len(study.directions) > _MOST or not study.get_trials(states=[TrialState.COMPLETE]):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        drawn = [plot(study).to_html(full_html=False, include_plotlyjs=False) for plot in plots]
    body = "\n".join(drawn)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Optuna\'s plots</title>'
        f"<script>{get_plotlyjs()}</script></head><body>{body}</body></html>"
    )
