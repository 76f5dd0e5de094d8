"""Recorded runs, found by id, by a part of it, or as the best; and listed with their studies."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlflow.entities import Run as MlflowRun
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from ferlab.config.problems import did_you_mean
from ferlab.config.study import is_less_better
from ferlab.errors import TrackingError
from ferlab.tracking import store
from ferlab.tracking.entry import Entry, entry_of
from ferlab.tracking.registry.versions import SCHEME, run_of
from ferlab.tracking.store import display_name, reported

_PAGE = 500


def list_entries(
    client: MlflowClient,
    *,
    study: str | None = None,
    experiment: str | None = None,
    status: str | None = None,
    sort: str | None = None,
) -> list[Entry]:
    """Runs, trials and studies, newest first; a trial's seeds are in it, not beside it.

    Args:
        client: an MLflow client of the store.
        study: list only this study's trials.
        experiment: list only runs of this MLflow experiment.
        status: list only runs of this status; see `ferlab.tracking.entry.STATUSES`.
        sort: a metric to sort by, the best first and runs without it last.

    Raises:
        TrackingError: there is no such study, experiment or metric.
    """
    names = store.experiments(client)
    if experiment is not None:
        found = {key: name for key, name in names.items() if name == experiment}
        if not found:
            known = did_you_mean(experiment, names.values())
            raise TrackingError(f"there is no experiment '{experiment}'; {known}")
        names = found
    entries = _group_seeds(_search(client, names))
    if study is not None:
        one = _study(entries, study)
        entries = _trials(entries, study if one is None else one)
        if one is None and not entries:
            known = did_you_mean(study, {entry.study for entry in entries if entry.study})
            raise TrackingError(f"there is no study '{study}'; {known}")
    if status is not None:
        entries = [entry for entry in entries if entry.status == status]
    return entries if sort is None else _sorted(entries, sort)


def resolve(client: MlflowClient, name: str) -> Entry:
    """The run that a user means.

    Args:
        client: an MLflow client of the store.
        name: a run's id, or a prefix of it that no other run's id has; or ``best``,
            ``best:STUDY``, ``best:STUDY:METRIC``, see `best`; or the address of its model, see
            `ferlab.tracking.registry.versions.run_of`.

    Raises:
        TrackingError: no run or several match, or the run is deleted.
    """
    if name == "best" or name.startswith("best:"):
        study, _, metric = name.removeprefix("best").removeprefix(":").partition(":")
        return best(client, study or None, metric or None)
    if name.startswith(SCHEME):
        name = run_of(client, name)
    found = _with_id_prefix(client, name)
    if not found:
        hint = _meant(name, {str(entry.study) for entry in list_studies(client)})
        raise TrackingError(f"there is no run '{name}' in {display_name(client)}; {hint}")
    if len(found) > 1:
        some = ", ".join(run.info.run_id for run in found[:4]) + (", ..." if found[4:] else "")
        raise TrackingError(f"'{name}' may be any of {len(found)} runs: {some}")
    run = found[0]
    if run.info.lifecycle_stage == "deleted":
        raise TrackingError(
            f"run {run.info.run_id} is deleted; mlflow runs restore --run-id brings it back"
        )
    names = store.experiments(client)
    entry = entry_of(run, names.get(run.info.experiment_id, ""))
    if entry.kind != "trial":
        return entry
    seeds = _search(client, names, {"mlflow.parentRunId": entry.run_id})
    return _with_seeds(entry, seeds)


def _meant(name: str, studies: set[str]) -> str:
    """A hint at the run that was meant by a name that is no run's."""
    head, colon, rest = name.partition(":")
    if difflib.get_close_matches(head, ["best"]):
        return f"did you mean 'best{colon}{rest}'?"
    if near := difflib.get_close_matches(name, studies, n=1):
        return f"of the study, take best:{near[0]}"
    return "ferlab runs lists them"


def best(client: MlflowClient, study: str | None = None, metric: str | None = None) -> Entry:
    """The best finished trial of a study; see `ranked`.

    Args:
        client: an MLflow client of the store.
        study: its name, or its run's id; None for the newest study that confirms no other and has
            a best trial, or for all runs where there is no study.
        metric: a metric of the validation split, or a cost; None for the study's objectives.

    Raises:
        TrackingError: there is no such study or metric, or no trial has finished.
    """
    if metric is not None and metric.startswith("test"):
        raise TrackingError(
            f"best:...:{metric} would choose a run by the data that is to judge it; take val/..."
        )
    names = store.experiments(client)
    studies = list_studies(client)
    if study is None:
        studies = [entry for entry in studies if "ferlab.confirms" not in entry.tags]
        studies = [entry for entry in studies if "ferlab.best_run" in entry.tags] or studies
        chosen = studies[0] if studies else None
    else:
        chosen = _study(studies, study)
        if chosen is None:
            _require_not_deleted(client, study)
            known = {e.study for e in _search(client, names) if e.study}
            raise TrackingError(f"there is no study '{study}'; {did_you_mean(study, known)}")
    if chosen is not None:
        entries = ranked(client, chosen, metric)
    else:
        done = [e for e in _group_seeds(_search(client, names)) if e.is_whole]
        done = [entry for entry in done if entry.kind in ("run", "trial")]
        entries = _sorted(sorted(done, key=lambda entry: entry.started), metric or "val/accuracy")
    if not entries:
        where = f"the study '{chosen.study}'" if chosen else display_name(client)
        what = "trial" if chosen else "run"
        raise TrackingError(f"{where} has no finished {what} yet, so there is no best one")
    return entries[0]


def ranked(client: MlflowClient, study: Entry, metric: str | None = None) -> list[Entry]:
    """The finished trials of a study whose runs are all there, the best first.

    The order is by the study's objectives, one after the other, and then by the trial's number, as
    is that of `ferlab.study.table.StudyTable.ranked`.

    Args:
        client: an MLflow client of the store.
        study: the study's run.
        metric: a metric to go by instead of the objectives.

    Raises:
        TrackingError: no trial has the metric.
    """
    mine = {"ferlab.study": str(study.study)}
    return rank(_group_seeds(_search(client, store.experiments(client), mine)), study, metric)


def list_studies(client: MlflowClient) -> list[Entry]:
    """The studies, newest first."""
    return _search(client, store.experiments(client), {"ferlab.kind": "study"})


def whole_trials(client: MlflowClient, tags: Mapping[str, str]) -> set[str]:
    """The ids of the finished trials with these tags whose runs are all there."""
    entries = _group_seeds(_search(client, store.experiments(client), tags))
    return {entry.run_id for entry in entries if entry.kind == "trial" and entry.is_whole}


def rank(entries: Sequence[Entry], study: Entry, metric: str | None = None) -> list[Entry]:
    """As `ranked`, of the entries that are known."""
    done = [entry for entry in _trials(entries, study) if entry.is_whole]
    done.sort(key=lambda entry: int(entry.tags["ferlab.trial"]))
    for name in reversed((metric,) if metric else study.objectives):  # sorting is stable
        done = _sorted(done, name)
    return done


def every(client: MlflowClient, tags: Mapping[str, str] | None = None) -> list[Entry]:
    """All runs, seeds and studies that have these tags, newest first."""
    return _search(client, store.experiments(client), tags)


def _study(entries: Sequence[Entry], name: str) -> Entry | None:
    """The study that a user means by its name, or by its run's id; None if there is none.

    Raises:
        TrackingError: several have this name.
    """
    studies = [entry for entry in entries if entry.kind == "study"]
    named = [entry for entry in studies if entry.study == name]
    if len(named) > 1:
        ids = ", ".join(entry.run_id for entry in named)
        raise TrackingError(
            f"{len(named)} studies here are called '{name}'; give a run's id: {ids}"
        )
    return next(iter(named or [entry for entry in studies if entry.run_id == name]), None)


def _require_not_deleted(client: MlflowClient, study: str) -> None:
    tags = {"ferlab.kind": "study"}
    for run in store.runs_with(client, tags, deleted=True):
        if run.data.tags.get("ferlab.study") == study:
            raise TrackingError(
                f"the run of the study '{study}' is deleted; mlflow runs restore --run-id "
                f"{run.info.run_id} brings it back, and so does its next sweep"
            )


def _trials(entries: Sequence[Entry], study: Entry | str) -> list[Entry]:
    """The trials of a study, or of all that had this name where its run is deleted."""
    trials = [entry for entry in entries if entry.kind == "trial"]
    if isinstance(study, str):
        return [entry for entry in trials if entry.study == study]
    mine = study.study, study.study_id
    return [entry for entry in trials if (entry.study, entry.study_id) == mine]


def _sorted(entries: Sequence[Entry], metric: str) -> list[Entry]:
    scores = {entry.run_id: entry.score(metric) for entry in entries}
    if entries and not any(scores.values()):
        known = {name for entry in entries for name in entry.metrics}
        validation = f"val/{metric}"
        is_scored = any(entry.score(validation) for entry in entries)
        hint = f"did you mean '{validation}'?" if is_scored else did_you_mean(metric, known)
        raise TrackingError(f"no run has the metric '{metric}'; {hint}")
    sign = 1 if is_less_better(metric) else -1

    def rank(entry: Entry) -> tuple[bool, float]:
        score = scores[entry.run_id]
        return score is None, sign * score.mean if score else 0.0

    return sorted(entries, key=rank)


def _search(
    client: MlflowClient, experiments: Mapping[str, str], tags: Mapping[str, str] | None = None
) -> list[Entry]:
    """All active runs of these experiments (id -> name) that have these tags, newest first."""
    found = store.runs_with(client, tags or {}, experiments)
    return [entry_of(run, experiments[run.info.experiment_id]) for run in found]


def _with_id_prefix(client: MlflowClient, text: str) -> list[MlflowRun]:
    """The runs, deleted ones too, whose id is or begins with ``text``."""
    if not re.fullmatch(r"[0-9a-f]{1,32}", text):
        return []
    with reported(client.tracking_uri):
        everywhere = client.search_experiments(view_type=ViewType.ALL)
        return list(
            client.search_runs(
                [experiment.experiment_id for experiment in everywhere],
                f"attributes.run_id LIKE '{text}%'",
                run_view_type=ViewType.ALL,
                max_results=_PAGE,
            )
        )


def _group_seeds(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each trial's seeds moved into the trial."""
    seeds = [entry for entry in entries if entry.kind == "seed"]
    return [
        _with_seeds(entry, seeds) if entry.kind == "trial" else entry
        for entry in entries
        if entry.kind != "seed"
    ]


def _with_seeds(trial: Entry, seeds: Sequence[Entry]) -> Entry:
    own = [
        seed
        for seed in seeds
        if seed.kind == "seed"
        and seed.status == "finished"
        and seed.tags.get("mlflow.parentRunId") == trial.run_id
    ]
    return replace(trial, seeds=tuple(sorted(own, key=lambda s: int(s.tags["ferlab.replicate"]))))
