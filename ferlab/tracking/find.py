"""Recorded runs, found by id, by a part of it, or as the best; and listed with their studies."""

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence

from mlflow.entities import Run as MlflowRun
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from ferlab.config.problems import did_you_mean
from ferlab.errors import TrackingError
from ferlab.tracking import store
from ferlab.tracking.entry import (
    Entry,
    entry_of,
    group_seeds,
    metric_name,
    of_status,
    order_by,
    ranked,
)
from ferlab.tracking.registry.versions import SCHEME, run_of
from ferlab.tracking.store import display_name, reported
from ferlab.tracking.trials.seeds import with_their_seeds

_PAGE = 500

_NO_SEED = "tags.`ferlab.replicate` IS NULL"
"""What holds of every run but those of a trial's seeds, in MLflow's search syntax."""


def list_entries(
    client: MlflowClient,
    *,
    study: str | None = None,
    experiment: str | None = None,
    status: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    single: bool = False,
) -> list[Entry]:
    """Runs, trials and studies, newest first; a trial's seeds are in it, not beside it.

    Args:
        client: an MLflow client of the store.
        study: list only this study's trials.
        experiment: list only runs of this MLflow experiment.
        status: list only runs of this status; see `ferlab.tracking.entry.STATUSES`.
        sort: a metric to sort by, the best first and runs without it last.
        limit: how many of them are listed; None for all.
        single: list only runs that are of no study.

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
    tags: dict[str, str] = {}
    only = [_NO_SEED, *of_status(status), *["tags.`ferlab.study` IS NULL"] * single]
    if study is not None:
        one = _study(list_studies(client), study)
        tags = {"ferlab.study": study} if one is None else _tags(one)
        only.append("tags.`ferlab.trial` IS NOT NULL")
    order = [] if sort is None else [order_by(sort)]
    runs = store.runs_with(client, tags, names, only=only, order=order, at_a_time=limit)
    entries = (entry_of(run, names[run.info.experiment_id]) for run in runs)
    entries = (entry for entry in entries if status in (None, entry.status))
    listed = with_their_seeds(client, list(itertools.islice(entries, limit)))
    if study is not None and one is None and not listed:
        known = did_you_mean(study, {str(entry.study) for entry in list_studies(client)})
        raise TrackingError(f"there is no study '{study}'; {known}")
    return listed if sort is None else ranked(listed, sort)


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
    return _whole(client, entry_of(run, names.get(run.info.experiment_id, "")))


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
    studies = list_studies(client)
    if study is None:
        studies = [entry for entry in studies if "ferlab.confirms" not in entry.tags]
        studies = [entry for entry in studies if "ferlab.best_run" in entry.tags] or studies
        chosen = studies[0] if studies else None
    else:
        chosen = _study(studies, study)
        if chosen is None:
            _require_not_deleted(client, study)
            known = {str(entry.study) for entry in studies}
            raise TrackingError(f"there is no study '{study}'; {did_you_mean(study, known)}")
    if chosen is not None:
        found = best_trial(client, chosen, metric)
    else:
        found = _first(client, {}, (metric or "val/accuracy",))
    if found is None:
        where = f"the study '{chosen.study}'" if chosen else display_name(client)
        what = "trial" if chosen else "run"
        raise TrackingError(f"{where} has no finished {what} yet, so there is no best one")
    return found


def best_trial(client: MlflowClient, study: Entry, metric: str | None = None) -> Entry | None:
    """The best finished trial of a study whose runs are all there; None without one.

    What is best is said by the study's objectives, one after the other, and then by the trial's
    number, as by `ferlab.study.table.StudyTable.ranked`.

    Args:
        client: an MLflow client of the store.
        study: the study's run.
        metric: a metric to go by instead of the objectives.

    Raises:
        TrackingError: no trial has the metric.
    """
    return _first(client, _tags(study), (metric,) if metric else study.objectives)


def list_studies(client: MlflowClient) -> list[Entry]:
    """The studies, newest first."""
    return _search(client, store.experiments(client), {"ferlab.kind": "study"})


def deleted_trials(client: MlflowClient, tags: Mapping[str, str]) -> set[str]:
    """The ids of the trials with these tags of which a run is deleted, their own or a seed's."""
    own, parents = set(), set()
    for run in store.runs_with(client, tags, only_deleted=True):
        if "ferlab.replicate" in run.data.tags:
            parents.add(run.data.tags["mlflow.parentRunId"])
        else:
            own.add(run.info.run_id)
    # A seed that was trained again has left a deleted run, too.
    return own | {run_id for run_id in parents - own if not resolve(client, run_id).is_whole}


def whole_trials(client: MlflowClient, tags: Mapping[str, str]) -> set[str]:
    """The ids of the finished trials with these tags whose runs are all there."""
    entries = group_seeds(_search(client, store.experiments(client), tags))
    return {entry.run_id for entry in entries if entry.kind == "trial" and entry.is_whole}


def ids_with(client: MlflowClient, prefix: str) -> list[str]:
    """Ids of runs that begin so, no more than a page of them; a trial's seeds are left out."""
    found = (entry_of(run, "") for run in _with_id_prefix(client, prefix, ViewType.ACTIVE_ONLY))
    return [entry.run_id for entry in found if entry.kind != "seed"]


def is_recorded(client: MlflowClient, run_id: str) -> bool:
    """Whether there is such a run, deleted or not."""
    return bool(_with_id_prefix(client, run_id))


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


def _tags(study: Entry) -> dict[str, str]:
    """The tags of the runs of a study."""
    identity = {} if study.study_id is None else {"ferlab.study.id": study.study_id}
    return {"ferlab.study": str(study.study), **identity}


def _with_id_prefix(client: MlflowClient, text: str, view: int = ViewType.ALL) -> list[MlflowRun]:
    """The runs, deleted ones too unless ``view`` says so, whose id is or begins with ``text``."""
    if not re.fullmatch(r"[0-9a-f]{1,32}", text):
        return []
    with reported(client.tracking_uri):
        everywhere = client.search_experiments(view_type=ViewType.ALL)
        return list(
            client.search_runs(
                [experiment.experiment_id for experiment in everywhere],
                f"attributes.run_id LIKE '{text}%'",
                run_view_type=view,
                max_results=_PAGE,
            )
        )


def _search(
    client: MlflowClient, experiments: Mapping[str, str], tags: Mapping[str, str] | None = None
) -> list[Entry]:
    """All active runs of these experiments (id -> name) that have these tags, newest first."""
    found = store.runs_with(client, tags or {}, experiments)
    return [entry_of(run, experiments[run.info.experiment_id]) for run in found]


def _first(client: MlflowClient, tags: Mapping[str, str], metrics: Sequence[str]) -> Entry | None:
    """The best finished run or trial by some metrics; of equal ones, the first trial or eldest run.

    No more runs are read than it takes.
    """
    names = store.experiments(client)
    only, by = [_NO_SEED, "attributes.status = 'FINISHED'"], list(map(order_by, metrics))
    runs = store.runs_with(client, tags, names, eldest=True, only=only, order=by, at_a_time=10)
    equal: list[Entry] = []
    best: list[float | None] = []
    for run in runs:
        entry = _whole(client, entry_of(run, names[run.info.experiment_id]))
        if entry.kind not in ("run", "trial") or not entry.is_whole:
            continue
        values = [entry.metrics.get(metric_name(metric)) for metric in metrics]
        if equal and (values[0] is None or values != best):
            break
        best = values
        equal.append(entry)
    if equal:
        ranked(equal, metrics[0])  # refuses a metric that not even the first has
    return min(equal, key=lambda entry: int(entry.tags.get("ferlab.trial", 0)), default=None)


def _whole(client: MlflowClient, entry: Entry) -> Entry:
    """The entry with its seeds, if it is a trial of several."""
    return with_their_seeds(client, [entry])[0]
