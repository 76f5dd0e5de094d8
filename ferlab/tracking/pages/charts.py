"""The charts of a saved view, as the MLflow UI keeps them in the state of its page."""

from collections.abc import Sequence
from typing import Any

Chart = dict[str, Any]
"""A chart in the UI's terms."""

_OF_ALL = ("best", "best/f1", "train", "val", "val/f1", "Model metrics")
"""Sections that the page makes by itself, one chart for each metric: folded, below the view's."""

_MOST_RUNS = 100
"""Runs that a chart shows."""

_MOST_SCATTERED = 6
"""Parameters that get a chart of their own."""

_FLAGS = {"isReordered": False, "deleted": False, "isGenerated": False}


def chart_section(name: str, charts: Sequence[Chart], more: Sequence[str]) -> dict[str, Any]:
    """The part of a page's state that has its charts.

    Args:
        name: of their section.
        charts: to be shown.
        more: sections of other metrics than those of every run.
    """
    sections = [{"uuid": "view", "name": name, "display": True, **_FLAGS}]
    sections += [{"uuid": o, "name": o, "display": False, **_FLAGS} for o in (*_OF_ALL, *more)]
    return {
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0},
        "isAccordionReordered": True,  # else the page would sort its own sections before
        "compareRunSections": sections,
        "compareRunCharts": list(charts),
    }


def line_per_run(params: Sequence[str], metrics: Sequence[str]) -> Chart:
    """A line for each run through its params and metrics; a run that lacks one is left out."""
    return _chart(
        "PARALLEL", selectedParams=list(params), selectedMetrics=list(metrics), showAllRuns=True
    )


def curves_by_epoch(metric: str) -> Chart:
    """A metric by epoch, a line for each run or group of runs."""
    own = {"lineSmoothness": 0, "useGlobalLineSmoothing": False, "useGlobalXaxisKey": True}
    return _chart("LINE", metric, metricKey=metric, selectedMetricKeys=[metric], **own)


def bar_per_run(metric: str) -> Chart:
    """A metric, a bar for each run or group of runs."""
    return _chart("BAR", metric, metricKey=metric)


def param_against(param: str, metric: str) -> Chart:
    """A point for each run, at its param and its metric."""
    return _scatter("PARAM", param, metric)


def params_against(params: Sequence[str], metric: str) -> list[Chart]:
    """`param_against` for the first of the params."""
    return [param_against(param, metric) for param in params[:_MOST_SCATTERED]]


def metric_against(other: str, metric: str) -> Chart:
    """A point for each run, at two metrics of it."""
    return _scatter("METRIC", other, metric)


def _scatter(kind: str, key: str, metric: str) -> Chart:
    y = {"type": "METRIC", "key": metric}
    return _chart("SCATTER", f"{key} {metric}", xaxis={"type": kind, "key": key}, yaxis=y)


def _chart(kind: str, name: str = "", **how: Any) -> Chart:
    return {
        "uuid": f"{kind} {name}".strip(),
        "type": kind,
        "metricSectionId": "view",
        "runsCountToCompare": _MOST_RUNS,
        "deleted": False,
        "isGenerated": False,
        **how,
    }
