"""``ferlab ensemble``."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferlab.ensemble.recompute import Made


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    ensemble = commands.add_parser(
        "ensemble", parents=[common], help="make several runs one model, and score and record it"
    )
    ensemble.add_argument(
        "names", nargs="+", metavar="RUN", help="an id, its beginning, or best[:STUDY[:METRIC]]"
    )
    ensemble.add_argument(
        "--soup", action="store_true", help="the mean of their weights, not of their probabilities"
    )
    ensemble.add_argument(
        "--views",
        metavar="NAME",
        help="of trainer.views: score each image over these, and not each member's own; "
        "a run may be alone then",
    )
    ensemble.set_defaults(run=_ensemble)


def _ensemble(args: argparse.Namespace) -> int:
    from ferlab.ensemble.combine import Way, combine
    from ferlab.ensemble.members import find_members
    from ferlab.ensemble.record import CombinedResult, record_combined
    from ferlab.models.views import views_named
    from ferlab.signals import terminated
    from ferlab.tracking import artifacts, store
    from ferlab.tracking.run import Run

    if args.views is not None:
        views_named(args.views)
    client = store.connect(None, make=False)
    with terminated():
        entries = find_members(client, args.names, args.views if not args.soup else None)
        way: Way = "soup" if args.soup else "ensemble"
        result = CombinedResult.of(combine(client, entries, way, args.views))
        for entry, scores in zip(entries, result.members, strict=True):
            print(f"member   {entry.run_id}: {_scores(scores)}")
        run_id = record_combined(client, result)
    images = len(result.combined.predictions.labels)
    print(f"{result.combined.way:<8} {_scores(result.scores)} on {images:,} validation images")
    print(f"gain     {result.note}")
    print(f"run      {run_id}")
    print(f"look     {Run(client, run_id).look}")
    uri = Run(client, run_id).store
    print(
        f'model    mlflow.set_tracking_uri("{uri}"); '
        f'mlflow.pyfunc.load_model("models:/{artifacts.model_id(client, run_id)}")'
    )
    return 0


def _scores(scores: Any) -> str:
    return f"accuracy {scores['accuracy']:.4f}, F1 {scores['f1']:.4f}"


def reproduce_made(made: "Made", args: argparse.Namespace) -> int:
    """``ferlab reproduce`` of a model that is made of several runs."""
    from ferlab.ensemble.recompute import recompute
    from ferlab.errors import FerlabError

    given = [*args.overrides, *(["--at-commit"] if args.at_commit else [])]
    if given:
        raise FerlabError(
            f"run {made.entry.run_id} is made again of its members as they are recorded; leave out "
            f"{' '.join(given)}"
        )
    print(f"original run {made.entry.run_id}: {made.entry.name}")
    print(f"members  {' '.join(made.entry.members)}, as they are recorded")
    if args.dry_run:
        return 0
    verdict = recompute(made, args.margin / 100)
    print(f"verdict  {verdict.text}")
    is_fine = verdict.level == "identical" if args.strict else verdict.is_reproduced
    return 0 if is_fine else 1
