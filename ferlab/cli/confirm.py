"""``ferlab confirm``."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferlab.confirm.evidence import Evidence
    from ferlab.sweep.outcome import SweepResult
    from ferlab.tracking.store import Client


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    confirm = commands.add_parser(
        "confirm",
        parents=[common],
        help="train a study's best and its baseline under fresh seeds, and say what is better",
    )
    confirm.add_argument("study", metavar="STUDY", help="its name")
    confirm.add_argument("--best", type=int, metavar="M", help="configurations (1)")
    confirm.add_argument(
        "--looks", type=_looks, metavar="N,N", help="seeds of each at each look (5,10,15,20)"
    )
    confirm.add_argument(
        "--worth", type=float, metavar="POINTS", help="of accuracy that would matter (1.0)"
    )
    confirm.add_argument(
        "--against", type=int, metavar="TRIAL", help="to compare with (the study's baseline)"
    )
    confirm.add_argument(
        "--plan", action="store_true", help="say what it takes and could tell, and begin nothing"
    )
    confirm.add_argument("--workers", type=int, metavar="K", help="that train at a time")
    confirm.add_argument("--to", metavar="FOLDER", help="of the report (experiments/STUDY)")
    confirm.add_argument("--storage", metavar="URL", help="where the study is kept, if not at home")
    confirm.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="hydra/launcher= and its settings"
    )
    confirm.set_defaults(run=_confirm)


def _confirm(args: argparse.Namespace) -> int:
    from ferlab.errors import ConfigError

    if args.workers is not None and args.workers < 1:
        raise ConfigError(f"--workers {args.workers}: at least 1 must train")
    how = {
        "best": args.best,
        "looks_at": args.looks,
        "worth": None if args.worth is None else args.worth / 100,
        "against": args.against,
        "workers": args.workers,
    }
    if args.plan:
        from ferlab.confirm.ahead import foresee_confirmation

        for line in foresee_confirmation(args.study, args.storage, overrides=args.overrides, **how):
            print(line)
        return 0
    folder = Path(args.to or Path("experiments", args.study))
    return run_confirmation(args.study, args.storage, folder, args.overrides, **how)


def _looks(text: str) -> tuple[int, ...]:
    """Numbers of seeds, with commas between."""
    try:
        return tuple(map(int, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not seeds as in 5,10,15,20") from error


def run_confirmation(
    study: str,
    storage: str | None,
    folder: Path,
    overrides: Sequence[str],
    uri: str | None = None,
    **how: Any,
) -> int:
    """Confirm a study, write the report into a folder, and print the outcome.

    Args:
        study: name of the study.
        storage: its Optuna storage; None for ferlab's home.
        folder: folder of the report; created if missing.
        overrides: overrides that choose and set the launcher.
        uri: URI of the tracking store; None for the one that the study recorded.
        how: further arguments; see `ferlab.confirm.confirm.confirm`.

    Returns:
        The process's exit code.
    """
    from ferlab.confirm.confirm import confirm, confirm_command
    from ferlab.outage import Patience
    from ferlab.report import confirmation_files
    from ferlab.text import pluralize

    command = confirm_command(study, storage)
    found = confirm(study, storage, overrides=overrides, uri=uri, **how)
    if found.evidence is None:
        assert found.training is not None  # noqa: S101  or there would be evidence
        missing = pluralize(found.missing, "run")
        print(f"confirm  {found.choice.name}: {missing} of the next look not finished")
        return tell_unfinished(found.training, command)
    record = partial(confirmation_files.record_confirmation, found.evidence, storage, found.client)
    Patience.of_command(f"go on with: {command}").call(record)
    write_report(found.evidence, storage, folder)
    print(f"look     {_look(found.client, found.choice.name, storage)}")
    return 0


def tell_unfinished(training: "SweepResult", command: str) -> int:
    """Print why runs are missing, and the command that goes on; returns the exit code."""
    for row in training.table.of("failed"):
        print(f"failed   {row.name}: {row.why}")
    for error in training.errors:
        print(f"error    a worker ended: {error}")
    print(f"go on    {command}")
    print(f"look     {training.look}")
    return training.exit_code or 1


def _look(client: "Client", study: str, storage: str | None) -> str:
    """Directions to the view of a confirmation's runs in the MLflow UI."""
    from ferlab.sweep.studies import open_study
    from ferlab.tracking import store
    from ferlab.tracking.pages.views import page_of

    page = page_of(client, open_study(study, storage).user_attrs["run_id"])
    return store.look(client.tracking_uri, page, study)


def write_report(evidence: "Evidence", storage: str | None, folder: Path) -> None:
    """Write the report into a folder, and print its verdicts."""
    from ferlab.analysis.sequential.words import plan_in_words
    from ferlab.report import confirmation_files
    from ferlab.report.page import PAGE
    from ferlab.text import pluralize

    folder.mkdir(parents=True, exist_ok=True)
    confirmation_files.write_confirmation(evidence, storage, folder, "RESULTS.md")
    choice, runs = evidence.choice, pluralize(len(evidence.entries), "run")
    print(
        f"confirm  {choice.name}: {len(choice.arms)} configurations, {runs}; "
        f"{plan_in_words(choice.plan)}"
    )
    for c in evidence.comparisons:
        print(f"verdict  {c.arm}, against {c.baseline}: {evidence.words(c.arm)}")
    print(f"result   {folder / 'RESULTS.md'}")
    print(f"page     {folder / PAGE}")
