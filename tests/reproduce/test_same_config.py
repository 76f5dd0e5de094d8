"""The run that had a config, found by what the runs that had others are asked for."""

from collections.abc import Mapping
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from ferlab.config.problems import flatten
from ferlab.reproduce.resolve import newest_with
from ferlab.tracking import store
from ferlab.tracking.run import params_of
from tests import reads


@pytest.fixture
def client(made_store: None) -> MlflowClient:
    del made_store
    return store.connect(None)


def had(
    client: MlflowClient,
    config: Mapping[str, Any],
    status: str = "FINISHED",
    tags: Mapping[str, str] | None = None,
) -> str:
    made = client.create_run(store.experiment_id(client, "ferlab"), tags={**(tags or {})})
    client.log_batch(made.info.run_id, params=params_of(flatten(config)))
    client.set_terminated(made.info.run_id, status)
    return str(made.info.run_id)


def config(lr: float, **more: Any) -> dict[str, Any]:
    tracking = {"uri": None, "experiment": "ferlab"}
    return {"seed": 0, "optimizer": {"lr": lr}, "tracking": tracking, **more}


def found(client: MlflowClient, config: Mapping[str, Any]) -> str | None:
    entry = newest_with(client, config)
    return None if entry is None else entry.run_id


def test_it_is_the_newest_finished_one_that_reproduces_none(client: MlflowClient) -> None:
    had(client, config(0.1))
    newest = had(client, config(0.1))
    had(client, config(0.1), "FAILED")
    had(client, config(0.1), tags={"ferlab.reproduces": newest})
    had(client, config(0.1), tags={"ferlab.kind": "trial"})
    assert found(client, {**config(0.1), "tracking": {"uri": "elsewhere"}}) == newest
    assert found(client, config(0.2)) is None


@pytest.mark.parametrize("name", ["plain", "it's", 'a "b"', 'it\'s "b"', "per % cent", "a`b", "ö"])
def test_any_key_and_value_can_be_told(client: MlflowClient, name: str) -> None:
    mine, other = config(0.1, data={"path": name}), config(0.1, data={"path": f"{name}."})
    run_id = had(client, mine)
    had(client, other)
    had(client, config(0.1, data={"path": name, "more": 1}))
    had(client, config(0.1))
    assert found(client, mine) == run_id
    assert found(client, {**mine, "more": name}) is None


def test_few_runs_of_many_are_read(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = had(client, config(0.1, model="a"))
    for i in range(24):
        had(client, config(0.2 + i / 100, model="ab"[i % 2]))
    read = reads.noted(monkeypatch)
    assert found(client, config(0.1, model="a")) == mine
    assert found(client, config(0.1, model="b")) is None
    assert len(read) <= 6


def test_more_params_than_a_search_can_name_may_be_others(client: MlflowClient) -> None:
    """SQLite joins 64 tables."""
    keys = [f"k{i:03}" for i in range(150)]
    mine = had(client, config(0.1, model=dict.fromkeys(keys, 0)))
    for i in range(3):
        had(client, config(0.1, model={**dict.fromkeys(keys, 1), keys[i]: 0}))
    had(client, config(0.1, model={**dict.fromkeys(keys, 0), keys[-1]: 1}))
    assert found(client, config(0.1, model=dict.fromkeys(keys, 0))) == mine
