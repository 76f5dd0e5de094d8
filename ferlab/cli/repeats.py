"""``ferlab sweep --repeats``."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ferlab.errors import ConfigError

if TYPE_CHECKING:
    from ferlab.sweep.outcome import SweepResult


def require_whole(args: argparse.Namespace) -> None:
    """Refuse options with which repeats would not be independent searches from their beginning."""
    others = ("new", "extend", "source", "confirm", "cfg")
    given = [f"--{'from' if name == 'source' else name}" for name in others if getattr(args, name)]
    if given:
        raise ConfigError(
            f"--repeats goes without {', '.join(given)}: repeats are whole searches, alike but for "
            "their seeds; study.name=NAME begins others"
        )


def repeat(experiment: str, overrides: Sequence[str], count: int) -> int:
    """Search so many times, and write and print what such a search finds.

    Args:
        experiment: its file's name.
        overrides: as typed.
        count: of searches.

    Returns:
        The process's exit code.
    """
    from ferlab.cli.confirm import tell_unfinished
    from ferlab.config.compose import compose_sweep, multirun
    from ferlab.confirm.confirm import is_launchers
    from ferlab.confirm.repeats import plan_repeats
    from ferlab.confirm.winners import conclude
    from ferlab.report import repeats as report
    from ferlab.report import search_files
    from ferlab.text import pluralize

    named = [f"experiments={experiment}", *overrides]
    repeats = plan_repeats(compose_sweep(named), experiment, overrides, count)
    command = repeats.command(here=True)
    results: list[SweepResult] = []
    for search in repeats.searches:
        result: SweepResult = multirun([*named, *search.overrides])
        search_files.record_search(result, command)
        print(f"{replace(result, again=command).summary()}\n")
        if result.exit_code:
            return result.exit_code
        results.append(result)
    repeated = conclude(repeats, results, [text for text in overrides if is_launchers(text)])
    if repeated.outcome is None:
        assert repeated.training is not None  # noqa: S101  or nothing would be missing
        print(f"repeats  {repeats.study}: {pluralize(repeated.missing, 'run')} not finished")
        return tell_unfinished(repeated.training, command)
    folder = Path("experiments", repeats.study)
    report.write_repeats(repeats, repeated, repeated.outcome, folder)
    for line in report.summary(repeats, repeated, repeated.outcome):
        print(line)
    print(f"result   {folder / report.TEXT}\npage     {folder / report.PAGE}")
    return 0
