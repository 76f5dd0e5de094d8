"""Runs of a store, searched for in the store's own order, each trial with its seeds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlflow.tracking import MlflowClient

from ferlab.config.problems import did_you_mean
from ferlab.config.study import is_less_better
from ferlab.errors import TrackingError
from ferlab.tracking import store
from ferlab.tracking.entry import KIND, Entry, entry_of, metric_name

NO_SEED = "tags.`ferlab.replicate` IS NULL"
"""What holds of every run but those of a trial's seeds, in MLflow's search syntax."""


def search(
    client: MlflowClient, experiments: Mapping[str, str], tags: Mapping[str, str] | None = None
) -> list[Entry]:
    """All active runs of these experiments (id -> name) that have these tags, newest first."""
    found = store.runs_with(client, tags or {}, experiments)
    return [entry_of(run, experiments[run.info.experiment_id]) for run in found]


def first(client: MlflowClient, tags: Mapping[str, str], metrics: Sequence[str]) -> Entry | None:
    """The best finished run or trial by some metrics; of equal ones, the first trial or eldest run.

    No more runs are read than it takes.
    """
    names = store.experiments(client)
    only, order = [NO_SEED, "attributes.status = 'FINISHED'"], list(map(order_by, metrics))
    equal: list[Entry] = []
    best: list[float | None] = []
    for run in store.runs_with(client, tags, names, only=only, order=order, eldest=True):
        entry = whole(client, entry_of(run, names[run.info.experiment_id]))
        if entry.kind not in ("run", "trial") or not entry.is_whole:
            continue
        values = [entry.metrics.get(metric_name(metric)) for metric in metrics]
        if equal and (values[0] is None or values != best):
            break
        best = values
        equal.append(entry)
    if equal:
        sort(equal, metrics[0])  # refuses a metric that not even the first has
    return min(equal, key=lambda entry: int(entry.tags.get("ferlab.trial", 0)), default=None)


def order_by(metric: str) -> str:
    """The best first by a metric, in MLflow's terms; runs without it come last."""
    return f"metrics.`{metric_name(metric)}` {'ASC' if is_less_better(metric) else 'DESC'}"


def sort(entries: Sequence[Entry], metric: str) -> list[Entry]:
    """The best first by a metric, and those without it last.

    Raises:
        TrackingError: none of them has it.
    """
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


def whole(client: MlflowClient, entry: Entry) -> Entry:
    """The entry with its seeds, if it is a trial of several."""
    if entry.tags.get(KIND) != "trial":
        return entry
    seeds = store.runs_with(client, {"mlflow.parentRunId": entry.run_id})
    return _with_seeds(entry, [entry_of(run, entry.experiment) for run in seeds])


def group_seeds(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each trial's seeds moved into the trial."""
    seeds: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        seeds[entry.tags.get("mlflow.parentRunId", "")].append(entry)
    return [_with_seeds(entry, seeds[entry.run_id]) for entry in entries if entry.kind != "seed"]


def _with_seeds(trial: Entry, children: Sequence[Entry]) -> Entry:
    seeds = [child for child in children if child.kind == "seed" and child.status == "finished"]
    return replace(trial, seeds=tuple(sorted(seeds, key=lambda s: int(s.tags["ferlab.replicate"]))))
