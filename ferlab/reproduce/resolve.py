"""What a user asks to reproduce, resolved to runs: a run, the best, a bundle or a config."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferlab.config import check
from ferlab.config.problems import flatten, without_begin
from ferlab.errors import ConfigError, DataError, FerlabError, TrackingError
from ferlab.reproduce import bundle
from ferlab.reproduce.recorded import NEEDED, Files, Recorded, fetch
from ferlab.tracking import find, store
from ferlab.tracking.entry import Entry, entry_of
from ferlab.tracking.inputs import params_of
from ferlab.tracking.store import Client
from ferlab.untrusted import bounded

_ORIGINAL = (
    "attributes.status = 'FINISHED'",
    "tags.`ferlab.kind` IS NULL",
    "tags.`ferlab.reproduces` IS NULL",
)
"""What holds of a finished run that was trained, and not to reproduce another one."""

_FEW = 10
"""Runs that are read at a time where one is looked for."""

_MOST = 40
"""Params that a search names; SQLite joins no more than 64 tables."""

_PLAIN = re.compile(r"[\w .,:/()\[\]+-]{1,250}")
"""A value that needs no quotes of MLflow's search syntax."""


@dataclass(frozen=True)
class Resolved:
    """The runs or the config to reproduce.

    Attributes:
        what: description, for a person to read.
        runs: the recorded runs, one per seed; none for a config that no run has had.
        configs: one config per run, or the one that no run has had.
        uri: URI of the store in which it was found; None where it was in none.
    """

    what: str
    runs: tuple[Recorded, ...]
    configs: tuple[Mapping[str, Any], ...]
    uri: str | None


def resolve_recorded(what: str) -> Resolved:
    """Find what a user asks to reproduce.

    Args:
        what: a path to a bundle (``.zip``) or to a config (``.yaml``), or see
            `ferlab.tracking.find.resolve`.

    Raises:
        FerlabError: it is not there, has not finished, or is damaged.
    """
    suffix = Path(what).suffix.lower()
    if suffix == ".zip":
        runs = tuple(bundle.read_bundle(Path(what)))
        configs = tuple(run.setting.config for run in runs)
        return Resolved(f"{what}: {_format_runs(runs)}", runs, configs, None)
    if suffix in (".yaml", ".yml"):
        return _of_config(Path(what))
    client = store.connect(None, make=False)
    entry = _finished(client, find.resolve(client, what))
    runs = tuple(Recorded.read(files) for files in files_of(client, entry))
    configs = tuple(run.setting.config for run in runs)
    study = f", of the study {entry.study}" if entry.study else ""
    return Resolved(f"{_format_runs(runs)}{study}", runs, configs, client.tracking_uri)


def files_of(client: Client, entry: Entry) -> list[Files]:
    """The files of a run, or of each of a trial's seeds."""
    return [fetch(client, seed, NEEDED) for seed in entry.seeds or (entry,)]


def resolve_finished(client: Client, name: str) -> Entry:
    """The finished run that a user means.

    Raises:
        TrackingError: there is none, it has not finished, or it is a study, which is many.
    """
    entry = find.resolve(client, name)
    if entry.kind == "study":
        raise TrackingError(
            f"'{name}' is the study '{entry.study}', of which one run must be named; its best is "
            f"best:{entry.study}"
        )
    return _finished(client, entry)


def resolve_model(client: Client, name: str) -> Entry:
    """The finished run whose model a user means; of several seeds, the best by validation.

    Raises:
        TrackingError: see `resolve_finished`.
    """
    entry = resolve_finished(client, name)
    if not entry.seeds:
        return entry
    return max(entry.seeds, key=lambda seed: seed.metrics["best/accuracy"])


def _finished(client: Client, entry: Entry) -> Entry:
    if entry.kind == "study":
        return find.best(client, entry.run_id)
    if entry.status != "finished":
        why = f" ({entry.why})" if entry.why else ""
        raise TrackingError(
            f"run {entry.run_id} has no result, for it is not finished but {entry.status}{why}; "
            + (
                "make it again with ferlab ensemble"
                if entry.members
                else f"see if it can be finished: ferlab train --resume {entry.run_id}"
            )
        )
    if "seeds" in entry.metrics and len(entry.seeds) < entry.metrics["seeds"]:
        raise TrackingError(
            f"trial {entry.run_id} had {entry.metrics['seeds']:.0f} seeds, "
            f"and the runs of {len(entry.seeds)} are left"
        )
    return entry


def _of_config(path: Path) -> Resolved:
    """A config, with the newest run that has had it, wherever it was recorded."""
    text = bounded.read_file(path, bounded.CONFIG_BYTES)
    try:
        config = bounded.read_config(text)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    try:
        client = store.connect(None, make=False)
    except TrackingError:
        client = None
    entry = None if client is None else newest_with(client, config)
    if client is None or entry is None:
        return Resolved(f"{path}, a config that no run here has had", (), (config,), None)
    run = Recorded.read(fetch(client, entry))
    what = f"{path}, the config of {_format_runs((run,))}"
    return Resolved(what, (run,), (config,), client.tracking_uri)


def newest_with(client: Client, config: Mapping[str, Any]) -> Entry | None:
    """The newest finished run that had this config, reproductions left out."""
    wanted = _compared({param.key: param.value for param in params_of(flatten(config))})
    names = store.experiments(client)
    only: dict[str, str] = {}
    while True:
        where = [*_ORIGINAL, *only.values()]
        for run in store.runs_with(client, {}, names, only=where, at_a_time=_FEW):
            had = _compared(run.data.params)
            differing = {k for k in {*had, *wanted} - {*only} if had.get(k) != wanted.get(k)}
            if had == wanted:
                return entry_of(run, names[run.info.experiment_id])
            # No run that is another one in the same param is read after this one.
            more = {key: _condition(key, wanted.get(key)) for key in sorted(differing)}
            told = {key: text for key, text in more.items() if text}
            if told and len(only) < _MOST:
                only |= dict(itertools.islice(told.items(), _MOST - len(only)))
                break
        else:
            return None


def _compared(params: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in params.items() if not key.startswith("tracking.")}


def _condition(key: str, value: str | None) -> str:
    """That a run has this param, or none, in MLflow's search syntax; empty where it cannot say."""
    if "`" in key or (value is not None and not _PLAIN.fullmatch(value)):
        return ""
    return f"params.`{key}` " + ("IS NULL" if value is None else f"= '{value}'")


def _format_runs(runs: tuple[Recorded, ...]) -> str:
    first = f"run {runs[0].run_id}: {runs[0].name}"
    return first if len(runs) == 1 else f"{len(runs)} seeds, of which the first is {first}"


def checked(config: Mapping[str, Any]) -> None:
    """Refuse a recorded config that this ferlab cannot run, and say what has changed.

    Raises:
        ConfigError: keys or values are unknown, or new ones are missing.
    """
    try:
        check(config)
    except ConfigError as error:
        raise ConfigError(
            "the recorded config does not fit this ferlab (--at-commit takes that of its time): "
            f"{without_begin(str(error))}"
        ) from error
    except (AttributeError, TypeError, KeyError) as error:
        raise FerlabError(
            f"the recorded config has another form than a config: {error!r}"
        ) from error
