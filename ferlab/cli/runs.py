"""``ferlab runs``, ``ferlab show`` and ``ferlab clean``."""

import argparse
import json
import shlex
from typing import TYPE_CHECKING, Any

from ferlab.cli.table import table
from ferlab.errors import FerlabError
from ferlab.text import pluralize, printable
from ferlab.tracking import STATUSES

if TYPE_CHECKING:
    from ferlab.tracking.entry import Entry
    from ferlab.tracking.store import Client

_SHOWN = ("accuracy", "f1")
_LESS = ("status", "started (UTC)", "seeds", "parameters", "commit")
"""Columns that a narrow terminal has no room for, the last first."""

_LIMIT = 100
"""Runs that are listed unless more are asked for."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    runs = commands.add_parser("runs", parents=[common], help="list runs, trials and studies")
    runs.add_argument("--study", metavar="STUDY", help="only its trials")
    runs.add_argument("--experiment", metavar="NAME", help="only those of this MLflow experiment")
    runs.add_argument("--status", choices=STATUSES, help="only those that are so")
    runs.add_argument("--sort", metavar="METRIC", help="the best first, as in --sort val/f1")
    runs.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"no more than so many, 0 for all; default {_LIMIT}, with --json all",
    )
    runs.add_argument("--json", action="store_true", help="everything, for a program to read")
    runs.set_defaults(run=_runs)

    show = commands.add_parser("show", parents=[common], help="show all of one run or study")
    show.add_argument("name", metavar="RUN", help="an id, its beginning, or best[:STUDY[:METRIC]]")
    show.set_defaults(run=_show)

    clean = commands.add_parser(
        "clean", parents=[common], help="remove what killed commands have left over"
    )
    clean.add_argument("--dry-run", action="store_true", help="list it, and remove nothing")
    clean.set_defaults(run=_clean)


def _runs(args: argparse.Namespace) -> int:
    from ferlab.tracking import find, store

    client = store.connect(None, make=False)
    limit = (0 if args.json else _LIMIT) if args.limit is None else args.limit
    if limit < 0:
        raise FerlabError(f"--limit {limit}: no fewer than 1 can be listed; 0 lists all")
    found = find.list_entries(
        client,
        study=args.study,
        experiment=args.experiment,
        status=args.status,
        sort=args.sort,
        limit=limit + 1 if limit else None,
    )
    entries = found[:limit] if limit else found
    if args.json:
        print(json.dumps([_plain(entry) for entry in entries], indent=2))
        return 0
    if not entries:
        print("no runs")
        return 0
    extra = [args.sort] if args.sort and args.sort.removeprefix("val/") not in _SHOWN else []
    header = ["run", "what", "name", *_SHOWN, *extra, *_LESS, "study"]
    rows = []
    for entry in entries:
        # A study shows the scores of its best trial.
        best = find.best_trial(client, entry) if entry.kind == "study" else None
        rows.append(_row(entry, best or entry, [*_SHOWN, *extra]))
    print(table(header, rows, optional=len(_LESS) + 1))
    if len(found) > len(entries):
        print(f"there are more: {_more(args)} lists all")
    if any(entry.seeds for entry in entries):
        print("±: the 95 % interval of the mean over the seeds")
    return 0


def _clean(args: argparse.Namespace) -> int:
    from ferlab.carry import arrival
    from ferlab.recording import leftovers
    from ferlab.sweep.left_over import left_of_studies
    from ferlab.sweep.workers.liveness import left_locks
    from ferlab.tracking import store

    client = store.connect(None, make=False)
    done: set[str] = set()
    for left in (
        *left_of_studies(client),
        *leftovers.of_runs(client),
        *leftovers.of_artifacts(client),
        *arrival.left_over(client),
        *left_locks(),
    ):
        if left.what not in done:
            print(left.what)
            done.add(left.what)
            if not args.dry_run:
                left.remove()
    how = "would be removed or ended" if args.dry_run else "removed or ended"
    print(f"{pluralize(len(done), 'thing')} {how}" if done else "nothing is left over")
    return 0


def _more(args: argparse.Namespace) -> str:
    """The same command, for all runs."""
    given = {key: getattr(args, key) for key in ("study", "experiment", "status", "sort")}
    words = [word for key, value in given.items() if value for word in (f"--{key}", value)]
    return shlex.join(["ferlab", "runs", *words, "--limit", "0"])


def _row(entry: "Entry", scored: "Entry", metrics: list[str]) -> list[str]:
    names = [f"val/{name}" if name in _SHOWN else name for name in metrics]
    scores = [scored.score(name) for name in names]
    parameters = scored.metrics.get("parameters")
    return [
        entry.run_id[:8],
        entry.kind,
        entry.name,
        *("" if score is None else str(score) for score in scores),
        entry.status,
        f"{entry.started:%Y-%m-%d %H:%M}",
        str(len(scored.seeds) or ""),
        "" if parameters is None else f"{int(parameters):,}",
        entry.commit,
        entry.study or "",
    ]


def _plain(entry: "Entry") -> dict[str, Any]:
    scores = {name: entry.score(f"val/{name}") for name in ("accuracy", "f1", "loss")}
    return {
        "run_id": entry.run_id,
        "kind": entry.kind,
        "name": entry.name,
        "status": entry.status,
        "why": entry.why,
        "experiment": entry.experiment,
        "study": entry.study,
        "started": entry.started.isoformat(),
        "seconds": entry.seconds,
        "commit": entry.tags.get("mlflow.source.git.commit"),
        "dirty": entry.tags.get("ferlab.git.dirty") == "True",
        "scores": {
            name: {"mean": score.mean, "interval": _interval(score), "seeds": score.seeds}
            for name, score in scores.items()
            if score is not None
        },
        "seeds": [seed.run_id for seed in entry.seeds],
        "metrics": dict(entry.metrics),
        "params": dict(entry.params),
    }


def _interval(score: Any) -> list[float] | None:
    return None if score.half is None else [score.mean - score.half, score.mean + score.half]


def _show(args: argparse.Namespace) -> int:
    from ferlab.tracking import artifacts, find, store

    client = store.connect(None, make=False)
    entry = find.resolve(client, args.name)
    best = find.best_trial(client, entry) if entry.kind == "study" else None
    lines = [
        *_head(entry),
        *_looks(client, entry),
        *([("best", f"{best.run_id}: {best.name}")] if best else []),
    ]
    print("\n".join(f"{name:<12}{printable(value.strip())}" for name, value in lines))
    if entry.kind == "study":
        trials = find.list_entries(client, study=entry.run_id, limit=_LIMIT + 1)
        header = ["trial", "what", "name", *_SHOWN, *_LESS]
        rows = [_row(trial, trial, [*_SHOWN])[:-1] for trial in trials[:_LIMIT]]
        print("\n" + table(header, rows, optional=len(_LESS)))
        if len(trials) > _LIMIT:
            print(f"there are more: ferlab runs --study {entry.run_id} --limit 0 lists all")
    if entry.seeds:
        rows = [[s.run_id, *(f"{s.metrics[f'best/{k}']:.4f}" for k in _SHOWN)] for s in entry.seeds]
        print("\n" + table(["seed's run", *_SHOWN], rows))
    if "best/epoch" in entry.metrics:
        print("\nbest/: the best epoch, whose weights are kept; val/ and train/: the last epoch")
    for title, values in (("metric", entry.metrics), ("config", entry.params)):
        if values:
            rows = [
                [name, f"{v:.6g}" if isinstance(v, float) else str(v)]
                for name, v in sorted(values.items())
            ]
            print("\n" + table([title, ""], rows))
    if names := artifacts.list_files(client, entry.run_id):
        print("\nartifacts\n" + "\n".join(names))
    return 0


def _looks(client: "Client", entry: "Entry") -> list[tuple[str, str]]:
    """What else was judged by the test images of a run that was tested."""
    from ferlab.reproduce.ledger import other_looks

    told = other_looks(client, [entry, *entry.seeds]).told()
    return [("looks", f"its test images {told}")] if told else []


def _head(entry: "Entry") -> list[tuple[str, str]]:
    """Label and text of each of the first lines on a run."""
    tags = entry.tags
    took = "" if entry.seconds is None else f", took {entry.seconds:.0f} s"
    dirty = tags.get("ferlab.git.dirty") == "True"
    commit = tags.get("mlflow.source.git.commit", "")
    original = tags.get("ferlab.reproduces", "")
    question = tags.get("mlflow.note.content", "").partition("\n\n")[0]  # then, the best's link
    lines = [
        (entry.kind, f"{entry.run_id}: {entry.name}"),
        ("status", f"{entry.status}: {entry.why}" if entry.why else entry.status),
        ("score", _scores(entry, "val")),
        ("test", _scores(entry, "test")),
        ("started", f"{entry.started:%Y-%m-%d %H:%M} UTC{took}"),
        ("commit", f"{commit} and changes (environment/dirty.diff)" if dirty else commit),
        ("made of", " ".join(entry.members)),
        ("study", (entry.study or "") if entry.kind != "study" else ""),
        ("question", question if entry.kind == "study" else ""),
        ("data", tags.get("ferlab.data.digest", "")),
        ("predicts", tags.get("ferlab.predictions.digest", "")),
        (
            "reproduces",
            f"{original}: {tags.get('ferlab.verdict.why', 'no verdict')}" if original else "",
        ),
        ("imported", tags.get("ferlab.imported", "")),
        ("over seeds", tags.get("ferlab.verdict.seeds", "")),
    ]
    return [line for line in lines if line[1]]


def _scores(entry: "Entry", split: str) -> str:
    """Accuracy and F1, and over how many seeds; empty if there are none."""
    scores = {
        label: score
        for label, name in (("accuracy", "accuracy"), ("F1", "f1"))
        if (score := entry.score(f"{split}/{name}")) is not None
    }
    if not scores:
        return ""
    seeds = max(score.seeds for score in scores.values())
    alone = f"made of {pluralize(len(entry.members), 'run')}" if entry.members else "a single run"
    of = alone if seeds == 1 else f"mean and 95 % interval of {seeds} seeds"
    return f"{', '.join(f'{label} {score}' for label, score in scores.items())} ({of})"
