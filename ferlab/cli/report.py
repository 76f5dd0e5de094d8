"""``ferlab report``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferlab.study.table import StudyTable
    from ferlab.sweep.studies import Study


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    report = commands.add_parser(
        "report",
        parents=[common],
        help="write a study's result, confirmed or not, and its pictures",
    )
    report.add_argument("study", metavar="STUDY", help="its name")
    report.add_argument("--to", metavar="FOLDER", help="default: experiments/STUDY")
    report.add_argument("--storage", metavar="URL", help="where the study is kept, if not at home")
    report.add_argument("--latex", action="store_true", help="and a table for a paper, table.tex")
    report.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> int:
    from ferlab.report import latex, search_files
    from ferlab.report.page import PAGE
    from ferlab.sweep import studies

    study = studies.open_study(args.study, args.storage)
    folder = Path(args.to or Path("experiments", args.study))

    from ferlab.confirm.choice import begun
    from ferlab.sweep.studies import uri_of
    from ferlab.text import pluralize
    from ferlab.tracking import store

    choice = begun(args.study, args.storage)
    if choice is not None:
        from ferlab.cli.confirm import write_report
        from ferlab.confirm import evidence, looks

        client = store.connect(uri_of(study), make=False)
        taken = evidence.looks_taken(client, choice, args.storage)
        if looks.is_over(choice, taken):
            found = evidence.gather(client, choice, taken, args.storage)
            write_report(found, args.storage, folder)
            if args.latex:
                _write_table(latex.confirmation_table(found), folder)
            return 0
        told = f"{len(taken)} of {pluralize(len(choice.plan.looks), 'look')} taken"
        print(f"confirm  {told}; ferlab confirm {args.study} goes on")
    table, command = _table(study), studies.resume_command(study)
    search_files.write_search(table, command, args.storage, folder)
    print(f"result   {folder / 'RESULTS.md'}")
    print(f"page     {folder / PAGE}")
    if args.latex:
        _write_table(latex.search_table(table), folder)
    return 0


def _write_table(text: str, folder: Path) -> None:
    from ferlab.report.latex import TABLE

    (folder / TABLE).write_text(text, encoding="utf-8")
    print(f"table    {folder / TABLE}")


def _table(study: "Study") -> "StudyTable":
    """The study, with what was deleted of its runs if its tracking store is there."""
    from ferlab.errors import TrackingError
    from ferlab.sweep.studies import uri_of, view, view_with_runs
    from ferlab.tracking import store

    try:
        return view_with_runs(study, store.connect(uri_of(study), make=False))
    except TrackingError as error:
        table = view(study)
        print(f"note     whether runs were deleted is not known: {error}")
        return table
