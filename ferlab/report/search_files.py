"""A study's result as files: its text and pictures, for MLflow and for ``experiments/``."""

import shlex
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ferlab import secrets
from ferlab.analysis.search import figures
from ferlab.outage import PATIENCE, Patience
from ferlab.report import search_text
from ferlab.report.page import PAGE, write_page
from ferlab.report.search_gain import runner_up, tell_attention, tell_lead
from ferlab.report.svg import save_svg
from ferlab.study.table import StudyTable
from ferlab.sweep import studies
from ferlab.sweep.interactive import interactive_page
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.studies import resume_command
from ferlab.tracking import artifacts, store
from ferlab.tracking.study_runs import StudyRun

TEXT, NOTES = "RESULTS.md", "NOTES.md"
"""What is written anew with each report, and what a user writes, which goes into that."""


def write_search(
    table: StudyTable, command: str, storage: str | None, folder: Path, name: str = TEXT
) -> list[str]:
    """Write a study's text, the pictures that it shows, and a page that holds both.

    Args:
        table: the study.
        command: the command that goes on with it.
        storage: where it is kept; None for ferlab's home.
        folder: created if missing; the files of an earlier report are replaced.
        name: file name of the text.

    Returns:
        The names of the pictures that were drawn; see `ferlab.report.search_text.CAPTIONS`.
    """
    files = {}
    folder.mkdir(parents=True, exist_ok=True)
    for picture, figure in figures.draw_search(table).items():
        files[picture] = f"{picture}.svg"
        save_svg(figure, folder / files[picture])
    own = notes(folder) if name == TEXT else ""
    text = search_text.search_markdown(table, command, settle(table, storage), files, own)
    (folder / name).write_text(text, encoding="utf-8")
    write_page(f"{table.study}: the search", text, folder, files.values())
    return list(files)


def notes(folder: Path) -> str:
    """What a user has written for a report into its folder; empty where nothing is."""
    path = folder / NOTES
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def record_search(result: SweepResult, command: str) -> None:
    """Log a study's text and pictures to its MLflow run.

    Args:
        result: of the search; if it is over, a store that is away is waited for.
        command: that goes on after that.
    """
    seconds = PATIENCE if result.is_over else 0
    patience = Patience.of_command(f"go on with: {command}", seconds)
    patience.call(partial(_record, result))


def _record(result: SweepResult) -> None:
    study = studies.open_study(result.table.study, result.storage)
    with tempfile.TemporaryDirectory() as folder:
        pictures = write_search(result.table, resume_command(study), result.storage, Path(folder))
        best = {row.number for row in result.table.front}
        if (page := interactive_page(study, best)) is not None:
            Path(folder, "optuna.html").write_text(page, encoding="utf-8")
        run = StudyRun(store.connect(result.uri), result.run_id)
        run.log_folder(Path(folder))
        run.show_pictures([f"{picture}.svg" for picture in pictures])


def close(result: SweepResult) -> Iterator[str]:
    """The last lines of a sweep: whether its best is one, and where its pictures lie."""
    table = result.table
    if told := tell_attention(table):
        yield f"answer   {told}"
    if told := tell_lead(table, settle(table, result.storage)):
        yield f"chance   {told} (with --plan it says what that takes)"
    folder = artifacts.local_folder(store.connect(result.uri), result.run_id)
    if folder is not None:
        yield f"page     {folder / PAGE}"


def settle(table: StudyTable, storage: str | None) -> str:
    """What to type to have a study's best compared under fresh seeds.

    It is compared with the baseline, or where none was declared and is complete, the runner-up.
    """
    words = ["ferlab", "confirm", table.study]
    if table.baseline_row is None and (second := runner_up(table)):
        words += ["--against", str(second.number)]
    if storage is not None:
        words += ["--storage", secrets.seal(storage)]
    return shlex.join(words)
