"""A run in MLflow: started, logged epoch by epoch, given its artifacts, ended."""

import json
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import yaml
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ferlab import paths, secrets
from ferlab.config.naming import run_name
from ferlab.config.parts.data import Data
from ferlab.config.problems import flatten
from ferlab.config.schema import Config
from ferlab.data.fingerprint import fingerprint
from ferlab.data.imageset import ImageSet
from ferlab.errors import TrackingError
from ferlab.outage import is_outage
from ferlab.tracking import environment, sources, store
from ferlab.tracking.inputs import dataset_of, params_of
from ferlab.tracking.store import display_name, reported

Status = Literal["FINISHED", "FAILED", "KILLED"]

CONFIG = "config.yaml"
"""Artifact path of a run's resolved config."""

MEMBERS = "members.yaml"
"""Artifact path of the runs that an ensemble is made of, with the config of each."""

SOURCES = "environment/sources.json"
"""Artifact path of the digests of a run's source files."""

MACHINE = "environment/machine.json"
"""Artifact path of the machine and the libraries of a run."""

IMAGES = "data/images.bin"
"""Artifact path of the records of a run's images; see `ferlab.data.fingerprint`."""

CONFIGURATION = "ferlab.configuration"
"""Tag of a run that is one of several seeds: the name that it shares with those."""

IMPORTED = "ferlab.imported"
"""Tag of a run that came with its study from another store: which it was there, and when."""


class Run:
    """One MLflow run, open for writing.

    Every write raises a `TrackingError` of one line if the store cannot take it.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.id = run_id

    @classmethod
    def start(
        cls, client: MlflowClient, config: Config, images: ImageSet, tags: Mapping[str, str]
    ) -> "Run":
        """Create a run and record its config, its data and ``tags``.

        The tracking URI is left out of the config, for it may have a password in it. A run that has
        a parent lies in its experiment, whatever that is called by now.
        """
        plain = {**config.plain(), "tracking": {**config.plain()["tracking"], "uri": None}}
        parent = tags.get("mlflow.parentRunId")
        experiment = (
            store.experiment_of(client, parent)
            if parent
            else store.experiment_id(client, config.tracking.experiment)
        )
        name = tags.get("mlflow.runName") or config.tracking.run_name or run_name(config)
        own = {"mlflow.source.name": "ferlab train", "ferlab.seed": str(config.seed)}
        run = cls.create(client, experiment, name, images, {**own, **tags})
        run.log_origin(CONFIG, plain, flatten(plain), config.data, images)
        return run

    @classmethod
    def create(
        cls,
        client: MlflowClient,
        experiment: str,
        name: str,
        images: ImageSet,
        tags: Mapping[str, str],
    ) -> "Run":
        """Create a run of some images in an experiment, by its id; no file is recorded yet."""
        about = {"mlflow.source.type": "LOCAL", "ferlab.data.digest": images.digest}
        with reported(client.tracking_uri):
            created = client.create_run(experiment, run_name=name, tags={**about, **tags})
        return cls(client, created.info.run_id)

    def log_origin(
        self,
        path: str,
        plain: Mapping[str, Any],
        params: Mapping[str, Any],
        data: Data,
        images: ImageSet,
    ) -> None:
        """Record what the run comes of; if that fails, it is recorded as failed or interrupted.

        Args:
            path: artifact for ``plain``, which is its config, or those of the runs it is made of.
            plain: plain containers.
            params: what of it is to be the run's params, flat.
            data: section of the config that ``images`` are from.
            images: its data.
        """
        try:
            with reported(self._client.tracking_uri):
                self._client.log_batch(self.id, params=params_of(params))
                _retried(self._client.log_inputs, self.id, [dataset_of(data, images)])
                text = yaml.safe_dump(dict(plain), sort_keys=False)
                self._client.log_text(self.id, text, path)
                with tempfile.TemporaryDirectory() as scratch:
                    file = Path(scratch, IMAGES.rpartition("/")[2])
                    file.write_bytes(fingerprint(images).tobytes())
                    self._client.log_artifact(self.id, str(file), IMAGES.rpartition("/")[0])
        except BaseException as error:
            away = is_outage(error)
            with suppress(TrackingError):  # what is away may be the store, or the disk alone
                self.end(
                    "KILLED" if away else "FAILED",
                    "interrupted" if away else "error",
                    f"nothing could be recorded: {error}",
                )
            raise

    @classmethod
    def reopen(cls, client: MlflowClient, run_id: str) -> "Run":
        """Reopen a run that has ended, or whose process is gone, for writing."""
        run = cls(client, run_id)
        with reported(client.tracking_uri):
            client.update_run(run_id, status="RUNNING")
        return run

    def log_environment(self, targets: Collection[str] = ()) -> None:
        """Record the machine, the libraries and the code that the run comes from.

        Args:
            targets: the config's targets; if one is a user's own, the state of the working
                directory's checkout is recorded, too.
        """
        machine = json.dumps(asdict(environment.describe_environment()), indent=2)
        self.log_text(machine, MACHINE)
        self.log_text(environment.requirements(), "environment/requirements.txt")
        files = sources.sources(targets)
        self.log_exactly(json.dumps(files, indent=2), SOURCES)
        tags = {"ferlab.code.digest": sources.digest_of(files)}
        git = environment.git_state(paths.shipped())
        if git is not None:
            tags["mlflow.source.git.commit"] = git.commit or ""
            tags["mlflow.source.git.branch"] = git.branch or ""
            tags["ferlab.git.dirty"] = str(git.dirty)
            if git.dirty:
                self.log_text(git.diff, "environment/dirty.diff")
        own = environment.git_state(Path.cwd()) if sources.are_own(targets) else None
        if own is not None and own != git:
            tags["ferlab.own.git.commit"] = own.commit or ""
            tags["ferlab.own.git.dirty"] = str(own.dirty)
            if own.dirty:
                self.log_text(own.diff, "environment/own.diff")
        with reported(self._client.tracking_uri):
            self._client.log_batch(self.id, tags=[RunTag(k, v) for k, v in tags.items()])

    @property
    def page(self) -> str:
        """Path of the run's page, relative to the MLflow UI's address."""
        with reported(self._client.tracking_uri):
            info = self._client.get_run(self.id).info
        return f"#/experiments/{info.experiment_id}/runs/{self.id}{store.UI_MODE}"

    @property
    def store(self) -> str:
        """URI of the tracking store, to be shown."""
        return display_name(self._client)

    @property
    def look(self) -> str:
        """Directions to the run's page in the MLflow UI, for a person to read."""
        return store.look(self._client.tracking_uri, self.page)

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of an epoch, counted from 1, in one write."""
        self._log(metrics, step=epoch)

    def logged_epochs(self) -> int:
        """Number of recorded epochs, which have no gap."""
        with reported(self._client.tracking_uri):
            history = self._client.get_metric_history(self.id, "train/loss")
        return max((metric.step for metric in history), default=0)

    def log_summary(
        self, metrics: Mapping[str, float], tags: Mapping[str, str], model_id: str | None = None
    ) -> None:
        """Record metrics and tags of the whole run, in one write.

        Args:
            metrics: by their names.
            tags: by their names.
            model_id: id of the run's model, if the metrics are the model's, too.
        """
        self._log(metrics, step=0, tags=tags, model_id=model_id)

    def log_folder(self, folder: Path) -> None:
        """Record all files below a folder as artifacts, at the same relative paths."""
        with reported(self._client.tracking_uri):
            self._client.log_artifacts(self.id, str(folder))

    def log_model(self, folder: Path) -> str:
        """Record an MLflow model folder as the run's model, named and configured like the run.

        A run has one model: what a process that was killed here has begun is completed.

        Returns:
            The id of the model, which ``models:/ID`` loads and serves.
        """
        with reported(self._client.tracking_uri):
            run = self._client.get_run(self.id)
            begun = self._client.search_logged_models(
                [run.info.experiment_id], f"source_run_id = '{self.id}'"
            )
            model = next(iter(begun), None) or self._client.create_logged_model(
                run.info.experiment_id,
                name=_model_name(run),
                source_run_id=self.id,
                params=dict(run.data.params),
            )
            if not (run.outputs and run.outputs.model_outputs):
                self._client.log_outputs(self.id, [LoggedModelOutput(model.model_id, step=0)])
            self._client.log_model_artifacts(model.model_id, str(folder))
            self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        return str(model.model_id)

    def log_text(self, text: str, path: str) -> None:
        """Record a text for people as the artifact at ``path``, without any password."""
        self.log_exactly(secrets.hide(text), path)

    def log_exactly(self, text: str, path: str) -> None:
        """Record, as the artifact at ``path``, what a digest is kept of or numbers are read from.

        A password that is digits would be found and hidden in the middle of a number.
        """
        with reported(self._client.tracking_uri):
            self._client.log_text(self.id, text, path)

    def end(self, status: Status, reason: str = "", why: str = "") -> None:
        """Close the run; ``reason`` is why it is not FINISHED in a word, ``why`` in a line."""
        with reported(self._client.tracking_uri):
            for key, text in (("ferlab.ended", reason or "finished"), ("ferlab.why", why)):
                _retried(self._client.set_tag, self.id, key, secrets.hide(text))
            self._client.set_terminated(self.id, status)

    def _log(
        self,
        metrics: Mapping[str, float],
        step: int,
        tags: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> None:
        now = int(time.time() * 1000)
        with reported(self._client.tracking_uri):
            _retried(
                self._client.log_batch,
                self.id,
                metrics=[Metric(key, value, now, step, model_id) for key, value in metrics.items()],
                tags=[RunTag(key, value) for key, value in (tags or {}).items()],
            )


def _model_name(run: MlflowRun) -> str:
    """The run's name as MLflow accepts it for a model; a seed's is told with its configuration."""
    name, tags = str(run.info.run_name), run.data.tags
    whole = f"{tags[CONFIGURATION]}, {name}" if "ferlab.replicate" in tags else name
    return whole.replace(".", "\u00b7").translate(dict.fromkeys(map(ord, "/:%\"'"), "_"))


def _retried(write: Callable[..., object], *args: object, **kwargs: object) -> None:
    """Write, and once more where another process may have created the same row just now."""
    try:
        write(*args, **kwargs)
    except MlflowException as error:
        if is_outage(error):
            raise
        write(*args, **kwargs)
