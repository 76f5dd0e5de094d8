"""Saved views of the MLflow UI's page of runs: a study as a table, the best first, and as charts.

MLflow (3.16 and later) keeps a view as a tag of the experiment, and lists it in the page's *Views*.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.entities import Experiment
from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.pages import charts
from ferlab.tracking.pages.charts import Chart
from ferlab.tracking.store import reported

_TAG = "mlflow.sharedViewState."

_OWN = "ferlab-"
"""How the ids of ferlab's views begin; those that people save have others."""

_DEFLATED = "deflate;"
"""How a state begins that is base64 of zlib."""

_RARER = ("spread", "spread/f1", "test")
"""Sections of metrics that not every run has; see `ferlab.tracking.pages.charts.chart_section`."""

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
            "attributes.`Run Name`": 360 if self.group else 260,
            **{column: _width(column) for column in self.columns},
        }
        rarer = [name for name in _RARER if f"`{name.partition('/')[0]}/" in str(self.columns)]
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
            **charts.chart_section(self.name, self.charts, rarer),
        }


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
    own = view_id(run_id)
    texts = {key.removeprefix(own): (v.name, json.dumps(v.state())) for key, v in views.items()}
    _drop_stale(client, write_views(client, run_id, texts))


def write_views(
    client: MlflowClient, run_id: str, views: Mapping[str, tuple[str, str]]
) -> Experiment:
    """Keep a study's views, as `kept_views` gives them; returns its experiment as it was."""
    with reported(client.tracking_uri):
        info = client.get_run(run_id).info
        experiment = client.get_experiment(info.experiment_id)
        for end, (name, state) in views.items():
            key, text = _TAG + view_id(run_id) + end, zlib.compress(state.encode(), 9)
            packed = _DEFLATED + base64.b64encode(text).decode()  # as the UI keeps a long one
            told = json.dumps({"name": name, "createdAt": info.start_time, "state": packed})
            if experiment.tags.get(key) != told:
                client.set_experiment_tag(experiment.experiment_id, key, told)
    return experiment


def kept_views(client: MlflowClient, run_id: str) -> dict[str, tuple[str, str]]:
    """Name and state, as JSON, of the views that are kept of a study, by how their ids end."""
    with reported(client.tracking_uri):
        experiment = client.get_experiment(client.get_run(run_id).info.experiment_id)
    own, found = _TAG + view_id(run_id), {}
    for key, told in sorted(experiment.tags.items()):
        if key.startswith(own):
            view = json.loads(told)
            state = view["state"]
            if state.startswith(_DEFLATED):
                packed = base64.b64decode(state.removeprefix(_DEFLATED))
                state = zlib.decompress(packed).decode()
            found[key.removeprefix(own)] = view["name"], state
    return found


def _drop_stale(client: MlflowClient, experiment: Experiment) -> None:
    """Delete the views of studies whose runs are deleted."""
    where, ids = "tags.`ferlab.kind` = 'study'", [experiment.experiment_id]
    with reported(client.tracking_uri):
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


def _width(column: str) -> int:
    """Pixels that show a column's head."""
    return 40 + 7 * len(column.partition("`")[2])
