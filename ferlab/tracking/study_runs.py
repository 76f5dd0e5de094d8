"""A study's run in MLflow, parent of its trials', found again by the study's identity."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml
from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient

from ferlab.errors import TrackingError
from ferlab.tracking import artifacts, store
from ferlab.tracking.inputs import params_of
from ferlab.tracking.run import Run
from ferlab.tracking.store import display_name, reported

_log = logging.getLogger("ferlab")


@dataclass(frozen=True)
class StudyKey:
    """What a study is known by.

    Attributes:
        name: as a person types it.
        identity: made when the study was begun, and on each of its runs; no two studies share it.
    """

    name: str
    identity: str

    @property
    def tags(self) -> dict[str, str]:
        """Of every run of the study."""
        return {"ferlab.study": self.name, "ferlab.study.id": self.identity}


_NOTE = "mlflow.note.content"
"""Tag whose text, in Markdown, the UI shows on a run's page."""

_PICTURES = "\n\n---\n\n"
"""What stands between a page's text and its pictures."""


@dataclass(frozen=True)
class FoundRun:
    """A run that `find_run` found, with MLflow's status, params, metrics and tags."""

    run_id: str
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    is_deleted: bool


class StudyRun(Run):
    """The MLflow run of a study, parent of its trials' runs."""

    @classmethod
    def open(
        cls,
        client: MlflowClient,
        experiment: str,
        study: StudyKey,
        about: Mapping[str, Any],
        before: str | None = None,
    ) -> "StudyRun":
        """Create or reopen the study's run, or restore it where it was deleted.

        Args:
            client: an MLflow client of the store.
            experiment: name of the experiment of a run that is new.
            study: that the run stands for.
            about: describes the study, for ``study.yaml``.
            before: id that the study's run had; None for a study that is begun.

        Raises:
            TrackingError: another study has the name, or the store is not that of the study.
        """
        identity = {**study.tags, "ferlab.kind": "study"}
        found = find_run(client, identity, eldest=True, deleted=True)
        if found is not None:
            if found.is_deleted:
                require_free_name(client, study.name)
                bring_back(client, found.run_id, f"the run of the study '{study.name}'")
            cls.reopen(client, found.run_id)
            opened = cls(client, found.run_id)
            if not found.params:  # whoever created it was killed before it had said what it is
                artifacts.delete_files(client, found.run_id)  # half a file of an upload
                opened.describe(study, about, before)
            return opened
        known = store.runs_with(client, study.tags, deleted=True, at_a_time=1) if before else ()
        child = next(iter(known), None)
        if before is not None and child is None:
            raise TrackingError(
                f"{display_name(client)} has no run of the study '{study.name}', which was begun: "
                "its runs are in another tracking store; name that with tracking.uri= or "
                "MLFLOW_TRACKING_URI, or begin another study, with another study.name"
            )
        if before is not None:
            require_free_name(client, study.name)
        tags = {
            **identity,
            "ferlab.objectives": _objectives(about),
            "mlflow.source.name": "ferlab sweep",
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": str(about.get("question") or ""),
        }
        place = child.info.experiment_id if child is not None else None
        with reported(client.tracking_uri):
            created = client.create_run(
                place or store.experiment_id(client, experiment), run_name=study.name, tags=tags
            )
        eldest = find_run(client, identity, eldest=True)
        if eldest is not None and eldest.run_id != created.info.run_id:  # two commands began it
            forget(client, created.info.run_id)
            return cls(client, eldest.run_id)
        opened = cls(client, str(created.info.run_id))
        opened.describe(study, about, before)
        return opened

    def describe(self, study: StudyKey, about: Mapping[str, Any], before: str | None) -> None:
        """Say what the study is, and take over the runs of one that is gone for good.

        The params are last: a run without them is not described yet.
        """
        self.log_text(yaml.safe_dump(dict(about), sort_keys=False), "study.yaml")
        for child in store.runs_with(self._client, study.tags) if before else ():
            if child.data.tags.get("mlflow.parentRunId") == before:
                Run(self._client, child.info.run_id).log_summary(
                    {}, {"mlflow.parentRunId": self.id}
                )
        with reported(self._client.tracking_uri):
            self._client.log_batch(self.id, params=params_of(about))

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


def forget(client: MlflowClient, run_id: str) -> None:
    """Delete a run that ended before it recorded anything worth keeping, and its artifacts."""
    Run(client, run_id).end("KILLED", "interrupted", "another run has taken its place")
    artifacts.delete_files(client, run_id)
    with reported(client.tracking_uri):
        client.delete_run(run_id)


def find_run(
    client: MlflowClient, tags: Mapping[str, str], eldest: bool = False, deleted: bool = False
) -> FoundRun | None:
    """The run with these tags; the newest, or the eldest, where a crash left several.

    One that is deleted is found only if asked for, and if there is no other.
    """
    found = list(store.runs_with(client, tags, deleted=deleted, eldest=eldest))
    run = next(iter(sorted(found, key=_is_deleted)), None)
    if run is None:
        return None
    status = RunStatus.to_string(RunStatus.from_string(run.info.status))
    return FoundRun(
        run.info.run_id,
        status,
        run.data.params,
        run.data.metrics,
        run.data.tags,
        _is_deleted(run),
    )


def study_names(client: MlflowClient) -> set[str]:
    """The names of all studies of a store."""
    return {
        run.data.tags.get("ferlab.study", "")
        for run in store.runs_with(client, {"ferlab.kind": "study"})
    }


def require_free_name(
    client: MlflowClient, name: str, instead: str = "take another study.name"
) -> None:
    """Refuse a study of a name that another one in the store has.

    Args:
        client: an MLflow client of the store.
        name: of the study.
        instead: what the user may do.

    Raises:
        TrackingError: there is one.
    """
    other = find_run(client, {"ferlab.kind": "study", "ferlab.study": name})
    if other is not None:
        raise TrackingError(
            f"{display_name(client)} has another study '{name}', begun elsewhere, or its file in "
            f"studies/ is gone or damaged; {instead}{instead and '; '}where nobody needs it, "
            f"mlflow runs delete --run-id {other.run_id} frees the name"
        )


def bring_back(client: MlflowClient, run_id: str, what: str) -> None:
    """Bring back a deleted run that a study goes on in.

    Raises:
        TrackingError: its experiment is deleted, too.
    """
    experiment_id = store.experiment_of(client, run_id)
    with reported(client.tracking_uri):
        experiment = client.get_experiment(experiment_id)
        if experiment.lifecycle_stage == "deleted":
            raise TrackingError(
                f"the MLflow experiment '{experiment.name}', which has {what}, is deleted; mlflow "
                f"experiments restore --experiment-id {experiment_id} brings it back"
            )
        client.restore_run(run_id)
    _log.info("note     %s, %s, was deleted in MLflow; it is restored", what, run_id)


def _is_deleted(run: MlflowRun) -> bool:
    return str(run.info.lifecycle_stage) == "deleted"


def _objectives(about: Mapping[str, Any]) -> str:
    """The study's objectives as its tag has them."""
    objective = about.get("study.objective", "val/accuracy")
    return ",".join(objective if isinstance(objective, list) else [objective])
