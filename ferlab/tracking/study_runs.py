"""A study's runs in MLflow: one parent, a child per trial, found again by their tags."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient

from ferlab.config.problems import flatten
from ferlab.config.schema import Config
from ferlab.tracking import store
from ferlab.tracking.run import Run, params_of
from ferlab.tracking.store import reported

_NOTE = "mlflow.note.content"
"""Tag whose text, in Markdown, the UI shows on a run's page."""

_PICTURES = "\n\n---\n\n"
"""What stands between a page's text and its pictures."""


@dataclass(frozen=True)
class FoundRun:
    """A run that `find_run` found, with MLflow's status, metrics and tags."""

    run_id: str
    status: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


class StudyRun(Run):
    """The MLflow run of a study, parent of its trials' runs."""

    @classmethod
    def open(
        cls, client: MlflowClient, experiment: str, study: str, about: Mapping[str, Any]
    ) -> "StudyRun":
        """Create or reopen the study's run; ``about`` describes the study, for ``study.yaml``."""
        identity = {"ferlab.study": study, "ferlab.kind": "study"}
        found = find_run(client, experiment, identity, eldest=True)
        if found is not None:
            cls.reopen(client, found.run_id)
            return cls(client, found.run_id)
        tags = {
            **identity,
            "mlflow.source.name": "ferlab sweep",
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": str(about.get("question") or ""),
        }
        with reported(client.tracking_uri):
            created = client.create_run(
                store.experiment_id(client, experiment), run_name=study, tags=tags
            )
        eldest = find_run(client, experiment, identity, eldest=True)
        if eldest is not None and eldest.run_id != created.info.run_id:  # two commands began it
            forget(client, created.info.run_id)
            return cls(client, eldest.run_id)
        opened = cls(client, str(created.info.run_id))
        opened.log_text(yaml.safe_dump(dict(about), sort_keys=False), "study.yaml")
        with reported(client.tracking_uri):
            client.log_batch(opened.id, params=params_of(about))
        return opened

    def tell(
        self, counts: Mapping[str, int], question: str, best: tuple[str, str, float] | None
    ) -> None:
        """Record the progress of the study.

        Args:
            counts: numbers of trials, by the names of their metrics.
            question: the question that the study is to answer.
            best: run id, name and objective of the best trial, to which the page links.
        """
        metrics = {key: float(value) for key, value in counts.items()}
        if best is None:
            self.log_summary(metrics, {})
            return
        run_id, name, value = best
        page = self.page.replace(self.id, run_id)
        name = name.replace("@", "&#64;")  # the UI would take @2 for someone's name
        note = f"{question}\n\nBest so far: [{name}]({page}), {value:.4g}. See `RESULTS.md`."
        tags = {"ferlab.best_run": run_id, "mlflow.note.content": note}
        self.log_summary({**metrics, "best/objective": value}, tags)

    def show_pictures(self, paths: Sequence[str]) -> None:
        """Show pictures among the run's artifacts on its page, below its text, and no others."""
        with reported(self._client.tracking_uri):
            note = self._client.get_run(self.id).data.tags.get(_NOTE, "").partition(_PICTURES)[0]
        addresses = (f"get-artifact?path={quote(path)}&run_uuid={self.id}" for path in paths)
        pictures = "\n\n".join(f"![]({address})" for address in addresses)
        self.log_summary({}, {_NOTE: f"{note}{_PICTURES}{pictures}"})


class TrialRun(Run):
    """The MLflow run of a trial of several seeds, parent of its seeds' runs."""

    @classmethod
    def open(
        cls, client: MlflowClient, config: Config, study: str, trial: int, parent: str, name: str
    ) -> "TrialRun":
        """Create or reopen the trial's run."""
        tags = {"ferlab.study": study, "ferlab.trial": str(trial), "ferlab.kind": "trial"}
        found = find_run(client, config.tracking.experiment, tags)
        if found is not None:
            cls.reopen(client, found.run_id)
            return cls(client, found.run_id)
        with reported(client.tracking_uri):
            made = client.create_run(
                store.experiment_id(client, config.tracking.experiment),
                run_name=name,
                tags={
                    "mlflow.parentRunId": parent,
                    "mlflow.source.name": "ferlab sweep",
                    "mlflow.source.type": "LOCAL",
                    **tags,
                },
            )
            flat = {key: v for key, v in flatten(config.plain()).items() if key != "seed"}
            client.log_batch(made.info.run_id, params=params_of(flat))
        return cls(client, made.info.run_id)

    def tell(self, seeds: Sequence[Mapping[str, float]]) -> None:
        """Record the means and the standard deviations over the seeds that have finished.

        Args:
            seeds: the metrics of each seed's run.
        """
        metrics = {"seeds": float(len(seeds)), "train_seconds": 0.0}
        shared = set.intersection(*(set(seed) for seed in seeds))
        for name in sorted(name for name in shared if name.startswith("best/")):
            scores = [seed[name] for seed in seeds]
            metrics[name] = statistics.fmean(scores)
            if len(scores) > 1:
                metrics[name.replace("best/", "spread/", 1)] = statistics.stdev(scores)
        for key in ("parameters", "multiply_adds"):
            metrics[key] = seeds[0][key]
        metrics["train_seconds"] = sum(seed["train_seconds"] for seed in seeds)
        self.log_summary(metrics, {})


def forget(client: MlflowClient, run_id: str) -> None:
    """Delete a run that ended before it recorded anything worth keeping."""
    with reported(client.tracking_uri):
        client.delete_run(run_id)


def find_run(
    client: MlflowClient, experiment: str, tags: Mapping[str, str], eldest: bool = False
) -> FoundRun | None:
    """The run with these tags; the newest, or the eldest, where a crash left several."""
    where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    with reported(client.tracking_uri):
        ids = [store.experiment_id(client, experiment)]
        order = f"start_time {'ASC' if eldest else 'DESC'}"
        runs = client.search_runs(ids, where, max_results=1, order_by=[order])
    if not runs:
        return None
    (run,) = runs
    status = RunStatus.to_string(RunStatus.from_string(run.info.status))
    return FoundRun(run.info.run_id, status, run.data.metrics, run.data.tags)
