"""Saved views of the MLflow UI: what their tags hold, and which runs they show, in which order."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.pages.study_views import confirmation_views, param_of, study_views
from ferlab.tracking.pages.views import SavedView, keep_views, page_of
from ferlab.tracking.study_runs import StudyKey

PREFIX = "mlflow.sharedViewState."
LR, KIND, REDUCTION = "optimizer.lr", "model.attention.kind", "model.attention.reduction"
FOUND = {KIND: True, REDUCTION: False, LR: True}
MINE = StudyKey("mine", "a0")


def recorded(
    client: MlflowClient, tags: Mapping[str, str], metrics: Mapping[str, float] | None = None
) -> str:
    experiment = store.experiment_id(client, "ferlab")
    run_id = str(client.create_run(experiment, tags=dict(tags)).info.run_id)
    for name, value in (metrics or {}).items():
        client.log_metric(run_id, name, value)
    client.set_terminated(run_id)
    return run_id


def studied(client: MlflowClient, name: str = "mine") -> str:
    return recorded(client, {"ferlab.kind": "study", "ferlab.study": name})


def trained(client: MlflowClient, parent: str, score: float | None, **tags: str) -> str:
    more = {f"ferlab.{key}": value for key, value in tags.items()}
    metrics = {} if score is None else {"best/accuracy": score, "best/loss": score}
    return recorded(client, {"mlflow.parentRunId": parent, **MINE.tags, **more}, metrics)


def kept(client: MlflowClient) -> dict[str, dict[str, Any]]:
    """The views of the experiment by their names, each with its state as the UI unpacks it."""
    experiment = client.get_experiment(store.experiment_id(client, "ferlab"))
    views = {}
    for tag, text in experiment.tags.items():
        if tag.startswith(PREFIX):
            view = json.loads(text)
            packed = view["state"].removeprefix("deflate;")
            state = json.loads(zlib.decompress(base64.b64decode(packed)))
            views[view["name"]] = {**view, **state, "key": tag.removeprefix(PREFIX)}
    return views


def shown(client: MlflowClient, view: Mapping[str, Any]) -> list[str]:
    """The runs of a view, in its order, as the UI asks for them."""
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    ids = [store.experiment_id(client, "ferlab")]
    return [
        run.info.run_id for run in client.search_runs(ids, view["searchFilter"], order_by=[order])
    ]


def keep(
    client: MlflowClient, run_id: str, objective: str = "val/accuracy", seeds: int = 1
) -> None:
    keep_views(client, run_id, study_views([objective], FOUND, seeds, MINE, run_id))


@pytest.mark.parametrize(
    ("objective", "order"), [("val/accuracy", [1, 3, 0]), ("val/loss", [0, 3, 1])]
)
def test_a_study_s_view_shows_its_trials_the_best_first(
    client: MlflowClient, objective: str, order: list[int]
) -> None:
    parent, other = studied(client), studied(client, "other")
    trials = [trained(client, parent, score) for score in (0.2, 0.6, None, 0.4)]
    trained(client, other, 0.9)
    keep(client, parent, objective)
    (view,) = kept(client).values()
    assert view["name"] == "mine"
    assert shown(client, view) == [*(trials[i] for i in order), trials[2]]
    column = "metrics.`best/accuracy`" if objective == "val/accuracy" else "metrics.`best/loss`"
    swept = [f"params.`{key}`" for key in FOUND]
    assert view["selectedColumns"][:4] == [column, *swept]
    assert set(view["selectedColumns"]) < set(view["columnWidths"])


def test_charts_show_the_space_the_epochs_and_the_cost(client: MlflowClient) -> None:
    keep(client, studied(client))
    (view,) = kept(client).values()
    charts = [(chart["type"], chart) for chart in view["compareRunCharts"]]
    assert [kind for kind, _ in charts] == ["PARALLEL", *["SCATTER"] * 3, "LINE", "SCATTER"]
    # A run without a param would be left out of the parallel coordinates.
    assert charts[0][1]["selectedParams"] == [KIND, LR]
    assert [chart["xaxis"]["key"] for kind, chart in charts if kind == "SCATTER"] == [
        *FOUND,
        "multiply_adds",
    ]
    assert charts[4][1]["selectedMetricKeys"] == ["val/accuracy"]
    assert {chart["metricSectionId"] for _, chart in charts} == {
        view["compareRunSections"][0]["uuid"]
    }
    assert len({chart["uuid"] for _, chart in charts}) == len(charts)


def test_a_lone_parameter_needs_no_parallel_coordinates() -> None:
    (view,) = study_views(["val/f1"], {LR: True}, 1, MINE, "0" * 32).values()
    assert [chart["type"] for chart in view.charts] == ["SCATTER", "LINE", "SCATTER"]
    assert view.charts[-1]["xaxis"]["key"] == "train_seconds"  # the network is the same


def test_several_seeds_are_shown_by_trial_and_each(client: MlflowClient) -> None:
    parent = studied(client)
    groups = [trained(client, parent, score, kind="trial") for score in (0.3, 0.5)]
    seeds = [trained(client, groups[1], score, replicate="0") for score in (0.4, 0.6)]
    namesake = {"ferlab.study": "mine", "ferlab.study.id": "another", "ferlab.replicate": "0"}
    recorded(client, namesake, {"best/accuracy": 0.9})
    keep(client, parent, seeds=3)
    views = kept(client)
    assert shown(client, views["mine"]) == [groups[1], groups[0]]
    assert "metrics.`spread/accuracy`" in views["mine"]["selectedColumns"]
    assert "LINE" not in {chart["type"] for chart in views["mine"]["compareRunCharts"]}
    assert shown(client, views["mine, each seed"]) == seeds[::-1]
    (key,) = views["mine, each seed"]["groupBy"]["groupByKeys"]
    assert key == {"mode": "tag", "groupByData": "ferlab.configuration"}


def test_a_confirmation_is_shown_in_pairs_by_seed_and_by_configuration(
    client: MlflowClient,
) -> None:
    parent = studied(client, "mine-confirm")
    runs = [trained(client, parent, score) for score in (0.3, 0.5)]
    key = StudyKey("mine-confirm", "c0")
    keep_views(client, parent, confirmation_views([KIND, LR], key, parent))
    views = kept(client)
    assert set(views) == {"mine-confirm, pairs by seed", "mine-confirm, means"}
    pairs, means = views["mine-confirm, pairs by seed"], views["mine-confirm, means"]
    assert pairs["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "seed"}]
    assert set(shown(client, pairs)) == set(runs) == set(shown(client, means))
    assert "metrics.`test/accuracy`" in means["selectedColumns"]


def test_what_is_kept_is_not_written_again_and_what_changes_is(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, written = studied(client), []
    write = MlflowClient.set_experiment_tag

    def counted(self: MlflowClient, experiment: str, key: str, value: str) -> None:
        written.append(key)
        write(self, experiment, key, value)

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", counted)
    keep(client, parent)
    keep(client, parent)
    assert len(written) == 1
    keep(client, parent, "val/f1")
    assert written == [written[0]] * 2


def test_views_of_deleted_studies_go_and_those_that_people_saved_stay(client: MlflowClient) -> None:
    first, second = studied(client), studied(client, "other")
    keep(client, first, seeds=2)
    experiment = store.experiment_id(client, "ferlab")
    client.set_experiment_tag(experiment, f"{PREFIX}0123456789ab", json.dumps({"name": "by hand"}))
    client.delete_run(first)
    views = study_views(["val/accuracy"], FOUND, 1, StudyKey("other", "b0"), second)
    keep_views(client, second, views)
    names = {
        json.loads(text)["name"]
        for tag, text in client.get_experiment(experiment).tags.items()
        if tag.startswith(PREFIX)
    }
    assert names == {"by hand", "other"}


def test_the_page_is_the_view_and_without_one_the_run(client: MlflowClient) -> None:
    parent = studied(client)
    experiment = store.experiment_id(client, "ferlab")
    assert page_of(client, parent).startswith(f"#/experiments/{experiment}/runs/{parent}?")
    keep(client, parent)
    (view,) = kept(client).values()
    assert f"/runs?workflowType=machine_learning&viewStateShareKey={view['key']}" in page_of(
        client, parent
    )
    assert page_of(client, parent, shows_charts=True).endswith("&compareRunsMode=CHART")


@pytest.mark.parametrize(
    ("key", "param"),
    [
        ("optimizer.lr", "optimizer.lr"),
        ("model", "model.name"),
        ("scheduler", "scheduler._target_"),
        ("model.stages.0.widths", "model.stages"),
        ("model.attention.reduction", "model.attention.reduction"),  # which no run has so far
    ],
)
def test_a_swept_key_is_shown_by_the_param_that_tells_it(key: str, param: str) -> None:
    recorded = ["optimizer.lr", "model.name", "model._target_", "model.stages"]
    assert param_of(key, [*recorded, "scheduler._target_", "model.attention.kind"]) == param


def test_a_view_of_a_hundred_parameters_fits_in_a_tag(client: MlflowClient) -> None:
    parent = studied(client)
    params = {f"model.stages_{i}.some_name_{i * 7919 % 100}": True for i in range(100)}
    keep_views(client, parent, study_views(["val/accuracy"], params, 1, MINE, parent))
    (view,) = kept(client).values()
    assert len(view["selectedColumns"]) > 100


def test_a_view_s_state_is_plain() -> None:
    view = SavedView("a", "", "metrics.`best/f1`", False, ["metrics.`best/f1`"], [])
    assert json.loads(json.dumps(view.state())) == view.state()
