"""A study's runs in MLflow: one parent, a child per trial, found again by their tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.run import Run, Status
from ferlab.tracking.store import reported


@dataclass(frozen=True)
class Child:
    """A trial's run, as MLflow has it."""

    run_id: str
    status: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def parent(client: MlflowClient, experiment: str, study: str, about: Mapping[str, Any]) -> str:
    """The id of a study's run, made if it is new; ``about`` says what the study is."""
    found = _find(client, experiment, {"ferlab.study": study, "ferlab.kind": "study"})
    with reported(client.tracking_uri):
        if found is not None:
            client.update_run(found.run_id, status="RUNNING")
            return found.run_id
        tags = {
            "ferlab.study": study,
            "ferlab.kind": "study",
            "mlflow.source.name": "ferlab sweep",
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": str(about.get("question") or ""),
        }
        created = client.create_run(
            store.experiment_id(client, experiment), run_name=study, tags=tags
        )
        run_id = str(created.info.run_id)
        client.log_text(run_id, yaml.safe_dump(dict(about), sort_keys=False), "study.yaml")
    return run_id


def end_parent(
    client: MlflowClient,
    run_id: str,
    status: Status,
    counts: Mapping[str, int],
    best: tuple[str, float] | None,
) -> None:
    """Record how a study stands: its counts, and the run id and objective of its best trial."""
    run = Run(client, run_id)
    metrics = {f"trials/{key}": float(value) for key, value in counts.items()}
    tags = {}
    if best is not None:
        metrics["best/objective"] = best[1]
        tags["ferlab.best_run"] = best[0]
    run.log_summary(metrics, tags)
    run.end(status, "" if status == "FINISHED" else "interrupted")


def child(
    client: MlflowClient, experiment: str, study: str, trial: int, attempt: int
) -> Child | None:
    """The run of one attempt at a trial; the newest, if a crash left more than one."""
    tags = {"ferlab.study": study, "ferlab.trial": str(trial), "ferlab.attempt": str(attempt)}
    return _find(client, experiment, tags)


def forget(client: MlflowClient, run_id: str) -> None:
    """Delete a run that died before there was anything in it to keep."""
    with reported(client.tracking_uri):
        client.delete_run(run_id)


def _find(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Child | None:
    where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    with reported(client.tracking_uri):
        ids = [store.experiment_id(client, experiment)]
        runs = client.search_runs(ids, where, max_results=1, order_by=["start_time DESC"])
    if not runs:
        return None
    (run,) = runs
    status = RunStatus.to_string(RunStatus.from_string(run.info.status))
    return Child(run.info.run_id, status, run.data.metrics, run.data.tags)
