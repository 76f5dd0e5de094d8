"""The MLflow tracking store: located, created if it is a new SQLite file, and connected to."""

import os
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import requests
from filelock import FileLock
from mlflow.entities import Run as MlflowRun
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from ferlab import paths, secrets
from ferlab.errors import TrackingError
from ferlab.outage import databases, http_trouble
from ferlab.tracking.place import moved
from ferlab.tracking.place.address import HTTP, require_address, whole_address
from ferlab.tracking.place.where import SQLITE, default_uri, file_of, file_uri, is_home

Client = MlflowClient
"""MLflow's client, under a name for other packages: only this one imports MLflow."""

_CONNECT = 5.0
"""Seconds to wait for a connection to a tracking server; MLflow knows those for its answer."""

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Tags by which the MLflow UI opens on runs and metrics, not on traces of language models."""

_PAGE = 500
"""Runs that are asked for at a time."""

_MANY, _GROWN = 400, 3
"""Runs from which on it matters how SQLite looks for them; how many times more are counted anew."""

RUNNING = "attributes.status = 'RUNNING'"
"""What MLflow says of a run that has not ended, as it is searched for."""

UI_MODE = "?workflowType=machine_learning"
"""Query of a page's address in the MLflow UI, which else may open on language models."""

LOCAL = "http://127.0.0.1:5000"
"""Where ``ferlab ui`` shows a store that is no server."""


def connect(uri: str | None, *, make: bool = True) -> MlflowClient:
    """Connect to the store at ``uri`` and check that it answers.

    Args:
        uri: an MLflow tracking URI; None for `default_uri`.
        make: whether to create a missing SQLite file; a command that only reads must not.

    Raises:
        TrackingError: the store cannot be reached, opened or created.
    """
    databases.bound_silence()
    uri = whole_address(uri or default_uri())
    require_address(uri)
    with reported(uri):
        if uri.startswith(HTTP):
            _require_answer(uri)
            return MlflowClient(uri)
        if not uri.startswith(SQLITE):
            if uri.startswith(tuple(DATABASE_ENGINES)):
                _require_connection(uri)
            return MlflowClient(uri)
        path = file_of(uri)
        if not make and not path.is_file():
            raise TrackingError(
                f"there are no runs here: {path} does not exist; go where it is, "
                "or set FERLAB_HOME or MLFLOW_TRACKING_URI"
            )
        if not make and not os.access(path.parent, os.W_OK):  # of somebody who shows it only
            return MlflowClient(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two first runs at once would both create the tables.
        with FileLock(path.with_name(".mlflow.lock")):
            if not path.exists():
                _make(path, is_home(uri))
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)  # makes the tables of an empty file
            if is_home(uri):
                moved.follow(path, paths.home() / "artifacts")
            _count(path)
            return client


def _count(path: Path) -> None:
    """Have SQLite know how large its tables are, roughly; it finds that out only if asked to.

    Else it takes all for small, and looks for each run's metric through those of all the others
    when MLflow sorts by one.
    """
    with closing(sqlite3.connect(path, timeout=0)) as file, suppress(sqlite3.OperationalError):
        (runs,) = file.execute("SELECT max(rowid) FROM runs").fetchone()
        if (runs or 0) < _MANY:
            return
        known = 0
        with suppress(sqlite3.OperationalError):  # nothing was ever counted
            query = "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = 'runs'"
            known = file.execute(query).fetchone()[0] or 0
        if runs > _GROWN * known:
            file.execute(f"PRAGMA analysis_limit={_MANY}")
            file.execute("ANALYZE")
            file.commit()


def look(uri: str, page: str, what: str = "") -> str:
    """Directions to a page of the MLflow UI, for a person to read.

    Args:
        uri: of the store.
        page: its path, relative to the UI's address.
        what: is on it, to be named to ``ferlab ui``.
    """
    if uri.startswith(HTTP):
        return f"{secrets.seal(uri).rstrip('/')}/{page}"
    return f"{shlex.join(['ferlab', 'ui', *filter(None, [what])])}, then {LOCAL}/{page}"


def _require_answer(uri: str) -> None:
    """Ask a server as MLflow will, but once: MLflow would ask one that is not there for minutes.

    Raises:
        MlflowException: it does not answer, or not as a tracking server.
        TrackingError: it does not know the user.
    """
    page = "/api/2.0/mlflow/experiments/search"
    answer = http_request(  # type: ignore[no-untyped-call]
        get_default_host_creds(uri),  # type: ignore[no-untyped-call]
        page,
        "POST",
        max_retries=0,
        timeout=(_CONNECT, float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])),
        json={"max_results": 1},
    )
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise TrackingError(
            f"the tracking server {secrets.seal(uri)} refuses you (HTTP {answer.status_code}); "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    verify_rest_response(answer, page)


def _require_connection(uri: str) -> None:
    """Ask a database once: MLflow would ask one that is not there ten times, for minutes."""
    engine = create_engine(uri, poolclass=NullPool)
    engine.connect().close()


def _make(path: Path, is_home: bool) -> None:
    """Create a store under another name, then rename it: MLflow cannot mend half-made tables."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    client = MlflowClient(file_uri(draft))
    for experiment in client.search_experiments():  # MLflow makes one itself
        if is_home:
            for key, value in moved.TAG.items():
                client.set_experiment_tag(experiment.experiment_id, key, value)
    draft.replace(path)


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of an experiment, created if it is new; a deleted one is not restored.

    Raises:
        TrackingError: the experiment is deleted, or the store cannot be written.
    """
    with reported(client.tracking_uri):
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            location, tags = None, _EXPERIMENT_TAGS
            if is_home(client.tracking_uri):
                location, tags = (paths.home() / "artifacts").as_uri(), {**tags, **moved.TAG}
            try:
                return str(client.create_experiment(name, location, tags))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            # Another run has just created it.
            experiment = client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the MLflow experiment '{name}' is deleted; restore it or take another "
            "tracking.experiment"
        )
    return str(experiment.experiment_id)


def experiments(client: MlflowClient, *, deleted: bool = False) -> dict[str, str]:
    """The names of all experiments, by id; those that are deleted only if asked for."""
    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    found: dict[str, str] = {}
    token = None
    with reported(client.tracking_uri):
        while True:
            page = client.search_experiments(view, page_token=token)
            found |= {experiment.experiment_id: experiment.name for experiment in page}
            if not (token := page.token):
                return found


def runs_with(
    client: MlflowClient,
    tags: Mapping[str, str],
    among: Iterable[str] | None = None,
    *,
    deleted: bool = False,
    only_deleted: bool = False,
    eldest: bool = False,
    only: Sequence[str] = (),
    order: Sequence[str] = (),
    at_a_time: int | None = None,
) -> Iterator[MlflowRun]:
    """The runs that have these tags, the newest first; read by the page, as they are asked for.

    Args:
        client: an MLflow client of the store.
        tags: that a run must have.
        among: ids of the experiments that are searched; None for all.
        deleted: whether runs are found that are deleted, too; ``only_deleted``, no others.
        eldest: whether the eldest come first.
        only: what else must hold of a run, in MLflow's search syntax.
        order: what they are sorted by before that.
        at_a_time: how many are read at once, if few are wanted.
    """
    where = " and ".join([*(f"tags.`{key}` = '{value}'" for key, value in tags.items()), *only])
    ids = list(experiments(client, deleted=deleted or only_deleted) if among is None else among)
    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    token = None
    while ids:
        with reported(client.tracking_uri):
            page = client.search_runs(
                ids,
                where,
                ViewType.DELETED_ONLY if only_deleted else view,
                max_results=min(_PAGE, at_a_time or _PAGE),
                order_by=[*order, f"start_time {'ASC' if eldest else 'DESC'}"],
                page_token=token,
            )
        yield from page
        token = page.token
        if not token:
            return


def experiment_of(client: MlflowClient, run_id: str) -> str:
    """The id of the experiment that a run lies in, whatever its name has become."""
    with reported(client.tracking_uri):
        return str(client.get_run(run_id).info.experiment_id)


@contextmanager
def reported(uri: str) -> Iterator[None]:
    """Turn whatever a store raises into a `TrackingError` of one line that names the store."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, OSError) as error:
        what = http_trouble(error) or _first_line(error)
        raise TrackingError(
            f"the tracking store {secrets.seal(uri)} cannot be used: {what}"
        ) from error


def _first_line(error: BaseException) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None or isinstance(getattr(cause, "orig", None), BaseException):
        cause = cause.__cause__ or cause.orig  # type: ignore[attr-defined]
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.strerror} ({cause.filename})" if cause.filename else cause.strerror
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def display_name(client: Client) -> str:
    """The URI of a client's store without password, for a message."""
    return secrets.seal(client.tracking_uri)
