"""``ferlab reproduce``, ``diff`` and ``evaluate``."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ferlab.cli.ensemble import reproduce_made
from ferlab.cli.table import table

if TYPE_CHECKING:
    from ferlab.reproduce.differences import Difference
    from ferlab.reproduce.evaluate import Evaluation
    from ferlab.reproduce.rerun import Rerun
    from ferlab.tracking.entry import Entry

_ALONE = "a single run; another seed"

_RUN = "an id, its beginning, or best[:STUDY[:METRIC]]"


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    again = commands.add_parser(
        "reproduce",
        parents=[common],
        help="train a recorded run again, and judge if it is the same",
    )
    again.add_argument("name", metavar="RUN", help=f"{_RUN}; or a config.yaml, or a bundle.zip")
    again.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="data.path=, trainer.threads= or trainer.device=, where they are others here",
    )
    again.add_argument("--strict", action="store_true", help="fail unless it is identical")
    again.add_argument(
        "--margin",
        type=_margin,
        default=1.0,
        metavar="POINTS",
        help="of accuracy, within which runs are equivalent (%(default)g)",
    )
    again.add_argument("--dry-run", action="store_true", help="show what differs, train nothing")
    again.add_argument(
        "--at-commit", action="store_true", help="by the code of its commit, in a git worktree"
    )
    again.set_defaults(run=_reproduce)

    diff = commands.add_parser(
        "diff", parents=[common], help="what differs between two runs and their results"
    )
    diff.add_argument("names", nargs=2, metavar="RUN", help=_RUN)
    diff.set_defaults(run=_diff)

    evaluate = commands.add_parser(
        "evaluate", parents=[common], help="score a recorded model on a split, once"
    )
    evaluate.add_argument("name", metavar="RUN", help=_RUN)
    evaluate.add_argument("--split", choices=("test", "val"), default="test", help="(%(default)s)")
    evaluate.set_defaults(run=_evaluate)


def _margin(text: str) -> float:
    with suppress(ValueError):
        if 0 < (points := float(text)) <= 100:
            return points
    raise argparse.ArgumentTypeError(f"'{text}' is no number of points from above 0 to 100")


def _reproduce(args: argparse.Namespace) -> int:
    from ferlab.ensemble.recompute import find_made

    if (made := find_made(args.name)) is not None:
        return reproduce_made(made, args)

    from ferlab.reproduce import rerun, run_comparison
    from ferlab.reproduce.resolve import resolve_recorded

    found, margin = resolve_recorded(args.name), args.margin / 100
    reruns: list[Rerun] = []
    with rerun.planned(found, args.overrides, args.at_commit) as plan:
        print(f"original {found.what}")
        for run in found.runs:
            scores = run_comparison.format_scores(run.metrics)
            print(f"recorded {scores}, seed {run.setting.config['seed']}")
        print(_differences(plan.differ) if found.runs else "differs  from nothing recorded")
        for note in plan.notes:
            print(f"note     {note}")
        if args.dry_run:
            return 0
        for done in rerun.reproduced(plan, margin):
            reruns.append(done)
            print(f"run      {done.run_id}: {run_comparison.format_scores(done.metrics)}")
            if done.verdict is not None:
                print(f"verdict  {done.verdict.text}", flush=True)
    if not found.runs:
        print("verdict  none: there is no recorded run of this config to compare with")
        return 1 if args.strict else 0
    verdict = rerun.judged_together(plan, reruns, margin)
    if len(reruns) > 1:
        print(f"seeds    {_over_seeds(reruns)}")
        print(f"verdict  {verdict.text}")
    is_fine = verdict.level == "identical" if args.strict else verdict.is_reproduced
    return 0 if is_fine else 1


def _over_seeds(reruns: Sequence["Rerun"]) -> str:
    from ferlab.tracking.entry import SeedScore

    before = SeedScore.of([r.original.metrics["best/accuracy"] for r in reruns if r.original])
    again = SeedScore.of([r.metrics["best/accuracy"] for r in reruns])
    return f"accuracy {before} recorded, {again} again (mean and 95 % interval)"


def _differences(found: Sequence["Difference"]) -> str:
    if not found:
        return (
            "differs  nothing: config, code, data, environment, hardware and threads are the same"
        )
    effects = {
        "nothing": "",
        "rounding": "may change last bits",
        "streams": "may change random streams",
        "numbers": "changes the numbers",
    }
    rows = [(d.section, d.what, effects[d.effect]) for d in found]
    return table(("differs", "recorded -> now", "effect"), rows)


def _diff(args: argparse.Namespace) -> int:
    from ferlab.reproduce.conditions import conditions
    from ferlab.reproduce.differences import differences
    from ferlab.reproduce.recorded import Recorded, fetch
    from ferlab.reproduce.run_comparison import compare_runs
    from ferlab.tracking import find, store
    from ferlab.tracking.run import CONFIG

    client = store.connect(None, make=False)
    entries = [find.resolve(client, name) for name in args.names]
    first, second = (
        Recorded.read(fetch(client, entry.seeds[0] if entry.seeds else entry, (CONFIG,)))
        for entry in entries
    )
    for sign, entry in zip("-+", entries, strict=True):
        print(f"{sign} {entry.run_id}: {entry.name}, {entry.status}")
    differ = differences(first.setting, second.setting)
    for title, sections in (
        ("config", ("config", "threads")),
        ("code", ("code",)),
        ("data", ("data",)),
        ("environment", ("environment", "hardware")),
    ):
        lines = [d.what for d in differ if d.section in sections]
        print("\n".join(["", title, *(f"  {line}" for line in lines or ["the same"])]))
    print("\nresult")
    print(_indented(_scores(entries)))
    if not any(entry.seeds for entry in entries):
        found = compare_runs(first, second)
        lines = [*found.lines(), *(c.text for c in conditions(found))]
        print(_indented("the same to the last bit" if found.is_identical else "\n".join(lines)))
    return 0


def _scores(entries: Sequence["Entry"]) -> str:
    names = ("accuracy", "f1", "loss")
    rows = []
    for sign, entry in zip("-+", entries, strict=True):
        scores = [entry.score(f"val/{name}") for name in names]
        over = f"{len(entry.seeds)} seeds" if entry.seeds else "a single run"
        rows.append([sign, *("" if s is None else str(s) for s in scores), over])
    return table(("", *names, ""), rows)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _evaluate(args: argparse.Namespace) -> int:
    from ferlab.reproduce.evaluate import Evaluator
    from ferlab.reproduce.ledger import other_looks
    from ferlab.reproduce.resolve import resolve_finished
    from ferlab.tracking import find, store
    from ferlab.tracking.entry import SeedScore

    client = store.connect(None, make=False)
    entry = resolve_finished(client, args.name)
    evaluator, done = Evaluator(client), []
    for one in entry.seeds or (entry,):
        done.append(evaluator.evaluate(one, args.split))
        for line in _scored(done[-1]):
            print(line)
    if args.split == "test":
        tested = [find.resolve(client, scored.run_id) for scored in done]
        if told := other_looks(client, tested).told():
            print(f"looks    these test images {told}")
    if len(done) == 1:
        single = f"made of {len(entry.members)} runs; others" if entry.members else _ALONE
        print(f"score    {single} may score otherwise")
        return 0
    accuracy, f1 = (SeedScore.of([getattr(d, name) for d in done]) for name in ("accuracy", "f1"))
    print(f"score    accuracy {accuracy}, F1 {f1} (mean and 95 % interval of {len(done)} seeds)")
    if all("unshared/accuracy" in d.more for d in done):
        print(f"apart    accuracy {SeedScore.of([d.more['unshared/accuracy'] for d in done])}")
    return 0


def _scored(scored: "Evaluation") -> Iterator[str]:
    """What a model scored, for a person to read."""
    before, more = "" if scored.is_new else " (as recorded before)", scored.more
    yield (
        f"run      {scored.run_id}: accuracy {scored.accuracy:.4f}, F1 {scored.f1:.4f} "
        f"on {scored.images:,} {scored.split} images{before}"
    )
    if "one_view/accuracy" in more:
        alone = (more[f"one_view/{name}"] for name in ("accuracy", "f1"))
        yield "one view accuracy {:.4f}, F1 {:.4f} without the others".format(*alone)
    if "unshared/accuracy" in more:
        alone = (more[f"unshared/{name}"] for name in ("accuracy", "images"))
        yield "apart    accuracy {:.4f} on the {:,.0f} that no training image equals".format(*alone)
    if "calibration_error" in more:
        error, mended = map(more.get, ("calibration_error", "calibration_error/tempered"))
        at = "" if mended is None else f", {mended:.4f} at the validation images' temperature"
        yield f"sureness calibration error {error:.4f}{at}"
