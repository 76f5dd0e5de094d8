"""The seeds of trials, found with few requests: MLflow knows of a run its parent, not its children.

To look for a parent's name goes through the tags of all runs, so it is not done once a trial.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from mlflow.tracking import MlflowClient

from ferlab.tracking import store
from ferlab.tracking.entry import KIND, Entry, entry_of, with_seeds

_BREAK = timedelta(minutes=10)
"""Between trials that are asked for apart."""

_BESIDE = 20
"""How many times more seeds than their own are read of trials that were trained at some time."""


def with_their_seeds(client: MlflowClient, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each trial of several seeds with those that have finished."""
    trials = [entry for entry in entries if entry.tags.get(KIND) == "trial"]
    children: dict[str, list[Entry]] = defaultdict(list)
    for some in _together(trials):
        for seed in _trained_meanwhile(client, some):
            children[seed.tags.get("mlflow.parentRunId", "")].append(seed)
    whole = {}
    for trial in trials:
        whole[trial.run_id] = with_seeds(trial, children[trial.run_id])
        # One is missing: it was deleted, its machine's clock was behind, or nobody has counted yet.
        if len(whole[trial.run_id].seeds) < trial.metrics.get("seeds", float("inf")):
            mine = store.runs_with(client, {"mlflow.parentRunId": trial.run_id})
            found = [entry_of(run, trial.experiment) for run in mine]
            whole[trial.run_id] = with_seeds(trial, found)
    return [whole.get(entry.run_id, entry) for entry in entries]


def _together(trials: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The trials that have ended, those together that were trained without a break between them."""
    some: list[Entry] = []
    last = None
    for trial in sorted(trials, key=lambda trial: trial.started):
        if trial.seconds is None:
            continue
        if last is not None and trial.started > last + _BREAK:
            yield some
            some, last = [], None
        some.append(trial)
        last = max(_end(trial), last or _end(trial))
    if some:
        yield some


def _trained_meanwhile(client: MlflowClient, trials: Sequence[Entry]) -> Iterator[Entry]:
    """Seeds that began while some trials were trained, the most of which are theirs."""
    first = min(trial.started for trial in trials)
    last = max(map(_end, trials))
    only = [
        "tags.`ferlab.replicate` IS NOT NULL",
        f"attributes.start_time >= {int(first.timestamp() * 1000)}",
        f"attributes.start_time <= {int(last.timestamp() * 1000) + 1}",
    ]
    most = _BESIDE * int(sum(trial.metrics.get("seeds", 1) for trial in trials))
    for run in islice(store.runs_with(client, {}, only=only, at_a_time=most), most):
        yield entry_of(run, trials[0].experiment)


def _end(trial: Entry) -> datetime:
    return trial.started + timedelta(seconds=trial.seconds or 0)
