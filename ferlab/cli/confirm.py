"""``ferlab confirm``."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferlab.confirm.evidence import Evidence


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    confirm = commands.add_parser(
        "confirm",
        parents=[common],
        help="train a study's best and its baseline under fresh seeds, and say what is better",
    )
    confirm.add_argument("study", metavar="STUDY", help="its name")
    confirm.add_argument("--best", type=int, metavar="M", help="configurations (1)")
    confirm.add_argument("--seeds", type=int, metavar="N", help="of each, 3 or more (10)")
    confirm.add_argument(
        "--against", type=int, metavar="TRIAL", help="to compare with (the study's baseline)"
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
    return run_confirmation(
        args.study,
        args.storage,
        Path(args.to or Path("experiments", args.study)),
        args.overrides,
        best=args.best,
        seeds=args.seeds,
        against=args.against,
        workers=args.workers,
    )


def run_confirmation(
    study: str,
    storage: str | None,
    folder: Path,
    overrides: Sequence[str],
    uri: str | None = None,
    **how: int | None,
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
    from ferlab.confirm.confirm import confirm
    from ferlab.report import confirmation_files
    from ferlab.tracking.store import without_password

    found = confirm(study, storage, overrides=overrides, uri=uri, **how)
    if found.evidence is None:
        assert found.training is not None  # noqa: S101  or there would be evidence
        done, size = len(found.training.table.complete), found.choice.size
        print(f"confirm  {found.choice.name}: {done} of {size} runs finished; nothing is compared")
        for row in found.training.table.of("failed"):
            print(f"failed   {row.name}: {row.why}")
        for error in found.training.errors:
            print(f"error    a worker ended: {error}")
        kept = [] if storage is None else ["--storage", without_password(storage)]
        print(f"go on    {shlex.join(['ferlab', 'confirm', study, *kept])}")
        print(f"look     {found.training.look}")
        return found.training.exit_code or 1
    confirmation_files.record_confirmation(found.evidence, storage, found.client)
    write_report(found.evidence, storage, folder)
    return 0


def write_report(evidence: "Evidence", storage: str | None, folder: Path) -> None:
    """Write the report into a folder, and print its verdicts."""
    from ferlab.report import confirmation_files
    from ferlab.report.page import PAGE

    folder.mkdir(parents=True, exist_ok=True)
    confirmation_files.write_confirmation(evidence, storage, folder, "RESULTS.md")
    choice = evidence.choice
    print(
        f"confirm  {choice.name}: {len(choice.arms)} configurations, {len(choice.seeds)} seeds each"
    )
    for comparison in evidence.comparisons:
        print(f"verdict  {comparison.arm}, against {comparison.baseline}: {comparison.words}")
    print(f"result   {folder / 'RESULTS.md'}")
    print(f"page     {folder / PAGE}")
