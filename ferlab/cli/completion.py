"""What a shell completes: commands and options, groups and keys, experiments, studies, runs."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import argcomplete
from argcomplete.completers import BaseCompleter, FilesCompleter

from ferlab import paths
from ferlab.errors import FerlabError


def answer(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, if it is a shell that asks; else do nothing."""
    argcomplete.autocomplete(parser, always_complete_options="long", default_completer=_Values())


class _Values(BaseCompleter):
    """What may stand for an argument; nothing where that is not known."""

    def __call__(self, *, prefix: str, action: argparse.Action, **_: Any) -> Sequence[str]:
        known = _VALUES.get(str(action.metavar))
        try:
            return [] if known is None else known(prefix)
        except FerlabError:  # a shell shows no message; the command will
            return []


def _overrides(_: str) -> list[str]:
    from ferlab.config.compose import list_overrides

    return list_overrides()


def _experiments(_: str) -> list[str]:
    begin = "experiments="
    return [text.removeprefix(begin) for text in _overrides("") if text.startswith(begin)]


def _studies(_: str) -> list[str]:
    return [path.stem for path in (paths.home() / "studies").glob("*.log")]


def _runs(prefix: str) -> list[str]:
    """The names of best runs, quickly; ids once their beginning is typed, which asks MLflow."""
    best = ["best", *(f"best:{study}" for study in _studies(""))]
    if not prefix or any(name.startswith(prefix) for name in best):
        return best
    from ferlab.tracking import find, store

    return find.ids_with(store.connect(None, make=False), prefix)


_VALUES: dict[str, Callable[[str], list[str]]] = {
    "OVERRIDE": _overrides,
    "EXPERIMENT": _experiments,
    "STUDY": _studies,
    "RUN": _runs,
    "STUDY|RUN": lambda prefix: [*_studies(prefix), *_runs(prefix)],
    "PHOTO": lambda prefix: list(FilesCompleter()(prefix)),
}
"""By the name that the usage has for an argument, what may stand there."""
