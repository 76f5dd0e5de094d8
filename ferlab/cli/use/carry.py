"""``ferlab import``, and what ``ferlab export`` does with a study."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_EPILOG = """\
  ferlab import study.zip                            then ferlab sweep, confirm, report, show go on
  ferlab import study.zip data.path=archive.zip      its data lies there, on this machine
A study whose name is taken here is refused. What killed an import leaves counts as nothing.
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    arrives = commands.add_parser(
        "import",
        parents=[common],
        help="take a study out of a bundle, to go on with it here",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arrives.add_argument("bundle", type=Path, metavar="STUDY.zip", help="what ferlab export made")
    arrives.add_argument("--storage", metavar="URL", help="to keep the study in, if not at home")
    arrives.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="data.path=, where the data lies here"
    )
    arrives.set_defaults(run=_import)


def export_study(study: str, storage: str | None, path: Path, *, models: bool) -> int:
    """Put a study into a bundle, and say what is in it."""
    from ferlab.carry import departure
    from ferlab.sweep import studies
    from ferlab.text import pluralize
    from ferlab.tracking import store

    client = store.connect(studies.uri_of(studies.open_study(study, storage)), make=False)
    done = departure.pack_study(client, study, storage, path, models=models)
    print(f"bundle   {path}: {_what(done.studies, done.runs)}, {path.stat().st_size:,} bytes")
    if done.awaited:
        told = pluralize(done.awaited, "model")
        print(f"models   {told} that the confirmation is yet to score, and no others; see --models")
    elif not done.models:
        print("models   none; --models takes them, too")
    for file in done.lost:
        print(f"lost     {file}: without it the run cannot be reproduced there")
    print(f"there    ferlab import {path.name}")
    return 0


def _import(args: argparse.Namespace) -> int:
    from ferlab.carry import arrival
    from ferlab.text import pluralize

    files = _files(args.overrides)
    done = arrival.import_study(args.bundle, args.storage, files)
    print(f"study    {_what(done.studies, done.runs)}")
    told = pluralize(done.models, "model") if done.models else "none"
    print(f"models   {told}; ferlab reproduce RUN trains a run again that came without its own")
    print(f"go on    {done.command}")
    return 0


def _what(studies: Sequence[str], runs: int) -> str:
    from ferlab.text import join_words, pluralize

    return f"{join_words(studies)}, {pluralize(runs, 'run')}"


def _files(overrides: Sequence[str]) -> dict[str, str]:
    """Where data lies, by its key."""
    from ferlab.config.overrides.typed import read_allowed
    from ferlab.config.parts.data import FILES

    files = read_allowed(overrides, FILES, "an imported study keeps its configs")
    return {key: str(Path(path).expanduser().absolute()) for key, path in files.items()}
