"""Reading back what a run recorded: its files, its metrics by epoch, its model."""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow.artifacts
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from ferlab.errors import DataError, TrackingError
from ferlab.tracking.run import IMPORTED
from ferlab.tracking.store import reported


def list_files(client: MlflowClient, run_id: str, path: str | None = None) -> list[str]:
    """The paths of all files among a run's artifacts, or of those in one folder; sorted."""
    with reported(client.tracking_uri):
        return sorted(_files_below(_artifacts_of(client, run_id), path))


def _files_below(repository: ArtifactRepository, path: str | None) -> Iterator[str]:
    for item in repository.list_artifacts(path):
        if item.is_dir:
            yield from _files_below(repository, item.path)
        else:
            yield item.path


def _artifacts_of(client: MlflowClient, run_id: str) -> ArtifactRepository:
    """Where a run's artifacts are; by its id alone, MLflow looks through all models for each."""
    place = client.get_run(run_id).info.artifact_uri
    return get_artifact_repository(place, tracking_uri=client.tracking_uri)


def delete_files(client: MlflowClient, run_id: str) -> None:
    """Delete a run's artifacts; what may not be removed stays."""
    with reported(client.tracking_uri):
        repository = _artifacts_of(client, run_id)
        with suppress(MlflowException, OSError):
            repository.delete_artifacts()  # type: ignore[no-untyped-call]


def local_folder(client: MlflowClient, run_id: str) -> Path | None:
    """Where a run's artifacts lie on this machine; None where a server keeps them."""
    with reported(client.tracking_uri):
        uri = urlparse(client.get_run(run_id).info.artifact_uri)
    folder = Path(url2pathname(uri.path))
    return folder if uri.scheme in ("", "file") and folder.is_dir() else None


def read_files(
    client: MlflowClient, run_id: str, wanted: Sequence[str], needed: Collection[str]
) -> dict[str, bytes]:
    """The contents of a run's artifacts, by path.

    Args:
        client: an MLflow client of the store.
        run_id: id of the run.
        wanted: paths; those that the run lacks are left out.
        needed: the paths that the run must have.

    Raises:
        TrackingError: one of ``needed`` is missing, or an artifact cannot be read.
    """
    with reported(client.tracking_uri):
        repository = _artifacts_of(client, run_id)
        folders = {name.rpartition("/")[0] for name in (*wanted, *needed)}
        available = {item.path for folder in folders for item in repository.list_artifacts(folder)}
    for name in needed:
        if name not in available:
            raise TrackingError(f"run {run_id} has no {name} among its artifacts any more")
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in wanted:
            if name in available:
                try:
                    path = repository.download_artifacts(  # type: ignore[no-untyped-call]
                        name, scratch
                    )
                    files[name] = Path(path).read_bytes()
                except (MlflowException, OSError) as error:
                    raise TrackingError(
                        f"{name} of run {run_id} cannot be read: {error}"
                    ) from error
    return files


def metric_history(
    client: MlflowClient, run_id: str, names: Collection[str]
) -> list[dict[str, float]]:
    """The metrics of each epoch, from the first; one that was recorded twice counts once."""
    epochs: dict[int, dict[str, float]] = {}
    with reported(client.tracking_uri):
        for name in sorted(names):
            for metric in client.get_metric_history(run_id, name):
                epochs.setdefault(metric.step, {})[name] = metric.value
    return [epochs[step] for step in sorted(epochs)]


def require_model(client: MlflowClient, run_id: str) -> str:
    """The id of the run's model.

    Raises:
        TrackingError: it has recorded none, or came here without it.
    """
    if (known := model_id(client, run_id)) is not None:
        return known
    with reported(client.tracking_uri):
        is_imported = IMPORTED in client.get_run(run_id).data.tags
    if is_imported:
        raise TrackingError(
            f"run {run_id} was imported without its model; ferlab reproduce {run_id} trains it "
            "again, as a run that has one"
        )
    raise TrackingError(f"run {run_id} has recorded no model")


def model_id(client: MlflowClient, run_id: str) -> str | None:
    """The id of the run's model; None if it has recorded none."""
    with reported(client.tracking_uri):
        outputs = client.get_run(run_id).outputs
    return outputs.model_outputs[-1].model_id if outputs and outputs.model_outputs else None


@contextmanager
def model(client: MlflowClient, run_id: str) -> Iterator[Path]:
    """Yield a folder with a copy of the run's model, deleted when the context ends.

    Raises:
        TrackingError: the run has no model, or it cannot be read.
        DataError: what is within finds something wrong with it; the error names the model's place.
    """
    known = require_model(client, run_id)
    with tempfile.TemporaryDirectory() as scratch:
        place = client.get_logged_model(known).artifact_location
        try:
            folder = mlflow.artifacts.download_artifacts(
                artifact_uri=place, dst_path=scratch, tracking_uri=client.tracking_uri
            )
        except (MlflowException, OSError) as error:
            raise TrackingError(f"the model of run {run_id} cannot be read: {error}") from error
        try:
            yield Path(folder)
        except DataError as error:  # where the copy lies tells nobody anything
            told = str(error).replace(str(Path(folder)), place)
            raise DataError(f"{told}; ferlab reproduce {run_id} trains it again") from error
