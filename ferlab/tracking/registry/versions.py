"""Versions of registered models: made once of each run, tagged, and found again by their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ferlab.config.problems import did_you_mean
from ferlab.errors import TrackingError
from ferlab.tracking import artifacts
from ferlab.tracking.store import display_name, reported

SCHEME = "models:/"
"""How the address of a model begins, registered or not."""

_ALIAS = re.compile(r"(?!(?i:v\d+|latest)$)[\w-]{1,255}")
_NAME = re.compile(r"[^/:@'\s][^/:@']*")
_GONE = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"


@dataclass(frozen=True)
class Registered:
    """A run's model in the registry.

    Attributes:
        name: of the registered model.
        version: its version, counted from 1.
        is_new: whether it was made just now.
        had_alias: the version that the alias stood for before; None for none, or this one.
    """

    name: str
    version: int
    is_new: bool
    had_alias: int | None


def require_names(name: str, alias: str | None) -> None:
    """Refuse names by which a model could not be found again.

    Raises:
        TrackingError: one has characters that MLflow's addresses do not allow.
    """
    if not _NAME.fullmatch(name):
        raise TrackingError(
            f"'{name}' cannot name a model: it must not be empty, nor have / : @ or '"
        )
    if alias is not None and not _ALIAS.fullmatch(alias):
        raise TrackingError(
            f"'{alias}' cannot be an alias: it takes letters, digits, - and _, and MLflow keeps "
            "'latest' and v1, v2... for itself"
        )


def register_run(
    client: MlflowClient,
    run_id: str,
    name: str,
    alias: str | None,
    tags: Mapping[str, str],
    description: str,
) -> Registered:
    """Register a run's model, unless it is a version of that name already; tags are set anyway.

    Args:
        client: an MLflow client of the store.
        run_id: id of the run.
        name: of the registered model, made if it is new.
        alias: that is to stand for this version from now on; None for none.
        tags: what there is to know of the version.
        description: the same in a sentence.

    Raises:
        TrackingError: the run has no model, a name is none, or the store cannot be written.
    """
    require_names(name, alias)
    known = artifacts.model_id(client, run_id)
    if known is None:
        raise TrackingError(f"run {run_id} has recorded no model")
    with reported(client.tracking_uri):
        _make_name(client, name)
        versions = client.search_model_versions(f"name='{name}' and run_id='{run_id}'")
        is_new = not versions
        version = versions[0] if versions else _create(client, name, run_id, known)
        number = int(version.version)
        for key, text in tags.items():
            client.set_model_version_tag(name, version.version, key, text)
        client.update_model_version(name, version.version, description)
        had = None
        if alias is not None:
            had = client.get_registered_model(name).aliases.get(alias)
            client.set_registered_model_alias(name, alias, version.version)
    return Registered(name, number, is_new, int(had) if had and int(had) != number else None)


def list_addresses(client: MlflowClient, limit: int) -> list[tuple[str, str]]:
    """The addresses of registered versions and the ids of their runs, those changed last first.

    A version that has aliases is named by them.

    Args:
        client: an MLflow client of the store.
        limit: largest number of versions.
    """
    with reported(client.tracking_uri):
        versions = client.search_model_versions(max_results=limit)
        models = client.search_registered_models()  # the versions found do not tell their aliases
    aliases: dict[tuple[str, int], list[str]] = {}
    for model in models:
        for alias, number in model.aliases.items():
            aliases.setdefault((model.name, int(number)), []).append(f"@{alias}")
    return [
        (f"{SCHEME}{version.name}{end}", version.run_id)
        for version in versions
        if version.run_id
        for end in aliases.get((version.name, int(version.version)), [f"/{version.version}"])
    ]


def run_of(client: MlflowClient, address: str) -> str:
    """The id of the run whose model an address names.

    Args:
        client: an MLflow client of the store.
        address: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or ``models:/MODEL_ID``.

    Raises:
        TrackingError: there is no such model, or no run recorded it.
    """
    named = address.removeprefix(SCHEME)
    try:
        run_id = _run_of(client, named)
    except MlflowException as error:
        if error.error_code not in _GONE:
            with reported(client.tracking_uri):
                raise
        raise TrackingError(
            f"there is no model '{address}' in {display_name(client)}; {_hint(client, address)}"
        ) from error
    if not run_id:
        raise TrackingError(f"no run recorded the model '{address}', so it is not one of ferlab's")
    return run_id


def _run_of(client: MlflowClient, named: str) -> str | None:
    name, at, alias = named.rpartition("@")
    if at:
        found: str | None = client.get_model_version_by_alias(name, alias).run_id
    elif "/" in named:
        name, _, version = named.rpartition("/")
        found = client.get_model_version(name, version).run_id
    else:
        found = client.get_logged_model(named).source_run_id
    return found


def _make_name(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _create(client: MlflowClient, name: str, run_id: str, model_id: str) -> ModelVersion:
    """A version that has the files of the run's model, not a copy of them."""
    source = client.get_logged_model(model_id).artifact_location
    return client.create_model_version(
        name, source, run_id, await_creation_for=0, model_id=model_id
    )


def _hint(client: MlflowClient, address: str) -> str:
    with reported(client.tracking_uri):
        models = client.search_registered_models()
    known = [f"{SCHEME}{model.name}@{alias}" for model in models for alias in model.aliases]
    known += [f"{SCHEME}{model.name}/VERSION" for model in models]
    return did_you_mean(address, known) if known else "ferlab register makes one"
