"""Saved views of the MLflow UI's page of runs: a study as a table, the best first, and as charts.

MLflow (3.16 and later) keeps a view as a tag of the experiment, and lists it in the page's *Views*.
"""

import base64
import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.entities import Experiment
from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.entry import is_better_smaller, metric_name
from ferlab.tracking.pages import charts
from ferlab.tracking.pages.charts import Chart
from ferlab.tracking.run import CONFIGURATION
from ferlab.tracking.store import reported

_TAG = "mlflow.sharedViewState."

_OWN = "ferlab-"
"""How the ids of ferlab's views begin; those that people save have others."""

_MOST_STUDIES = 1000
"""Studies of an experiment that are looked at."""


@dataclass(frozen=True)
class SavedView:
    """Some runs of an experiment, as the UI is to show them.

    Attributes:
        name: in the menu of views.
        where: the runs, in MLflow's search syntax.
        order: the column by which they are sorted; ``metrics.`best/f1` ``.
        ascending: whether the smallest comes first.
        columns: all columns, in order.
        charts: in order.
        group: the tag or param whose values put runs into a group, ``("param", "seed")``.
        shows_means: whether the charts show the groups' means instead of the runs.
    """

    name: str
    where: str
    order: str
    ascending: bool
    columns: Sequence[str]
    charts: Sequence[Chart]
    group: tuple[str, str] | None = None
    shows_means: bool = True

    def state(self) -> dict[str, Any]:
        """The state of the page, as the UI itself saves it."""
        widths = {
            "attributes.`Run Name`": 280,
            **{column: _width(column) for column in self.columns},
        }
        group = self.group and {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": self.group[0], "groupByData": self.group[1]}],
        }
        return {
            "searchFilter": self.where,
            "orderByKey": self.order,
            "orderByAsc": self.ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": list(self.columns),
            "columnOrder": list(widths),
            "columnWidths": widths,
            "runsHiddenMode": "SHOW_ALL",
            "groupBy": group,
            "useGroupedValuesInCharts": self.shows_means,
            **charts.chart_section(self.name, self.charts),
        }


def param_of(key: str, recorded: Collection[str]) -> str:
    """The param that shows what a swept key was: a network's name for ``model``.

    Args:
        key: of the config, as it is swept.
        recorded: the params of some run.
    """
    parts = key.split(".")
    lists = (".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))  # recorded whole
    candidates = (key, f"{key}.name", f"{key}._target_", *lists)
    return next((candidate for candidate in candidates if candidate in recorded), key)


def study_views(
    name: str, objectives: Sequence[str], params: Mapping[str, bool], replicates: int, run_id: str
) -> dict[str, SavedView]:
    """The views of a study, by their ids; the first is its trials, the best first.

    Args:
        name: name of the study.
        objectives: its objectives, the first of which says what is best.
        params: of what is swept (see `param_of`), and whether each trial has it.
        replicates: number of seeds of each trial.
        run_id: id of its MLflow run.
    """
    metrics = [metric_name(objective) for objective in objectives]
    first, smaller = metrics[0], is_better_smaller(objectives[0])
    more = [*metrics, "best/accuracy", "best/f1", "parameters", "train_seconds"]
    spread = [first.replace("best/", "spread/", 1), "seeds"] if replicates > 1 else []
    curve = objectives[0] if objectives[0].startswith("val/") else "val/accuracy"
    is_larger = any(key.startswith("model") for key in params)
    cost = charts.metric_against("multiply_adds" if is_larger else "train_seconds", first)
    always = [key for key, has in params.items() if has]
    trials = SavedView(
        name,
        f"tags.`mlflow.parentRunId` = '{run_id}'",
        _metric(first),
        smaller,
        _columns([first, *spread], params, more),
        [
            *([charts.parallel_coordinates(always, metrics)] if len(always) > 1 else []),
            *charts.params_against(list(params), first),
            *([] if replicates > 1 else [charts.curves_by_epoch(curve)]),  # a mean has no epochs
            cost,
        ],
    )
    if replicates == 1:
        return {view_id(run_id): trials}
    seeds = SavedView(
        f"{name}, each seed",
        f"tags.`ferlab.study` = '{name}' AND tags.`ferlab.replicate` LIKE '%'",
        _metric(first),
        smaller,
        _columns([first], ["seed", *params], more),
        [charts.curves_by_epoch(curve), charts.bar_per_run(first), cost],
        ("tag", CONFIGURATION),
    )
    return {view_id(run_id): trials, f"{view_id(run_id)}-seeds": seeds}


def confirmation_views(name: str, params: Sequence[str], run_id: str) -> dict[str, SavedView]:
    """The views of a confirmation, by their ids; the first is its runs, in pairs by seed.

    Args:
        name: name of the confirmation.
        params: of what the search swept; see `param_of`.
        run_id: id of its MLflow run.
    """
    where = f"tags.`mlflow.parentRunId` = '{run_id}'"
    columns = _columns(["test/accuracy", "best/accuracy"], params, ["test/f1", "best/f1"])
    by_seed = [charts.param_against("seed", key) for key in ("test/accuracy", "best/accuracy")]
    pairs = SavedView(
        f"{name}, pairs by seed",
        where,
        _param("seed"),
        True,
        columns,
        by_seed,
        ("param", "seed"),
        False,
    )
    means = [charts.bar_per_run(key) for key in ("test/accuracy", "best/accuracy")]
    configurations = SavedView(
        f"{name}, means",
        where,
        _metric("test/accuracy"),
        False,
        columns,
        [*means, charts.curves_by_epoch("val/accuracy")],
        ("tag", CONFIGURATION),
    )
    return {view_id(run_id): pairs, f"{view_id(run_id)}-means": configurations}


def view_id(run_id: str) -> str:
    """The id of the first view of a study, by the study's run."""
    return f"{_OWN}{run_id[:12]}"


def keep_views(client: MlflowClient, run_id: str, views: Mapping[str, SavedView]) -> None:
    """Keep a study's views in its experiment, and drop those of studies that are deleted.

    Nothing is written that is there already.

    Args:
        client: an MLflow client of the store.
        run_id: id of the study's MLflow run.
        views: the views, by their ids.
    """
    with reported(client.tracking_uri):
        info = client.get_run(run_id).info
        experiment = client.get_experiment(info.experiment_id)
        for key, view in views.items():
            text = zlib.compress(json.dumps(view.state()).encode(), 9)
            state = f"deflate;{base64.b64encode(text).decode()}"  # as the UI keeps a long one
            kept = {"name": view.name, "createdAt": info.start_time, "state": state}
            if experiment.tags.get(_TAG + key) != json.dumps(kept):
                client.set_experiment_tag(experiment.experiment_id, _TAG + key, json.dumps(kept))
        _drop_stale(client, experiment)


def _drop_stale(client: MlflowClient, experiment: Experiment) -> None:
    """Delete the views of studies whose runs are deleted."""
    where, ids = "tags.`ferlab.kind` = 'study'", [experiment.experiment_id]
    studies = client.search_runs(ids, where, max_results=_MOST_STUDIES)
    if studies.token:  # there are more
        return
    known = tuple(view_id(study.info.run_id) for study in studies)
    for tag in experiment.tags:
        key = tag.removeprefix(_TAG)
        if tag != key and key.startswith(_OWN) and not key.startswith(known):
            client.delete_experiment_tag(experiment.experiment_id, tag)


def page_of(client: MlflowClient, run_id: str, shows_charts: bool = False) -> str:
    """Path of a study's first view, relative to the MLflow UI's address.

    Where the study has none, as before ferlab kept views, the path of its run.
    """
    with reported(client.tracking_uri):
        experiment = client.get_experiment(client.get_run(run_id).info.experiment_id)
    page, key = f"#/experiments/{experiment.experiment_id}/runs", view_id(run_id)
    if _TAG + key not in experiment.tags:
        return f"{page}/{run_id}{store.UI_MODE}"
    mode = "&compareRunsMode=CHART" if shows_charts else ""
    return f"{page}{store.UI_MODE}&viewStateShareKey={key}{mode}"


def _columns(first: Sequence[str], params: Iterable[str], more: Sequence[str]) -> list[str]:
    """Metrics, params, and more metrics, each once."""
    columns = [*map(_metric, first), *map(_param, params), *map(_metric, more)]
    return list(dict.fromkeys(columns))


def _metric(key: str) -> str:
    return f"metrics.`{key}`"


def _param(key: str) -> str:
    return f"params.`{key}`"


def _width(column: str) -> int:
    """Pixels that show a column's head."""
    return 48 + 7 * len(column.partition("`")[2])
