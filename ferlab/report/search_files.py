"""A study's result as files: its text and pictures, for MLflow and for ``experiments/``."""

import tempfile
from pathlib import Path

from ferlab.analysis.search import figures
from ferlab.report import search_text
from ferlab.report.page import write_page
from ferlab.report.svg import save_svg
from ferlab.study.table import StudyTable
from ferlab.sweep import studies
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.studies import resume_command
from ferlab.tracking import store
from ferlab.tracking.study_runs import StudyRun


def write_search(
    table: StudyTable, command: str, folder: Path, name: str = "RESULTS.md"
) -> list[str]:
    """Write a study's text, the pictures that it shows, and a page that holds both.

    Args:
        table: the study.
        command: the command that goes on with it.
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
    text = search_text.search_markdown(table, command, files)
    (folder / name).write_text(text, encoding="utf-8")
    write_page(f"{table.study}: the search", text, folder, files.values())
    return list(files)


def record_search(result: SweepResult) -> None:
    """Log a study's text and pictures to its MLflow run."""
    study = studies.open_study(result.table.study, result.storage)
    with tempfile.TemporaryDirectory() as folder:
        write_search(result.table, resume_command(study), Path(folder))
        StudyRun(store.connect(result.uri), result.run_id).log_folder(Path(folder))
