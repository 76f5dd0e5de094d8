"""A study's result as files: its text and pictures, for MLflow and for ``experiments/``."""

import tempfile
from pathlib import Path

from ferlab.analysis.search import figures
from ferlab.report import search_text
from ferlab.sweep import studies
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.studies import resume_command, view, view_with_runs
from ferlab.tracking import store
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyRun


def write_search(
    study: studies.Study, client: Client | None, folder: Path, name: str = "RESULTS.md"
) -> list[str]:
    """Write a study's text and the pictures that it shows.

    Args:
        study: the study.
        client: of the tracking store that has its runs; None where that is out of reach.
        folder: created if missing; the files of an earlier report are replaced.
        name: file name of the text.

    Returns:
        The names of the pictures that were drawn; see `ferlab.report.search_text.CAPTIONS`.
    """
    table = view(study) if client is None else view_with_runs(study, client)
    files = {}
    folder.mkdir(parents=True, exist_ok=True)
    for picture, figure in figures.draw_search(table).items():
        files[picture] = f"{picture}.png"
        figure.savefig(folder / files[picture])
    text = search_text.search_markdown(table, resume_command(study), files)
    (folder / name).write_text(text, encoding="utf-8")
    return list(files)


def record_search(result: SweepResult) -> None:
    """Log a study's text and pictures to its MLflow run."""
    study = studies.open_study(result.table.study, result.storage)
    client = store.connect(result.uri)
    with tempfile.TemporaryDirectory() as folder:
        write_search(study, client, Path(folder))
        StudyRun(client, result.run_id).log_folder(Path(folder))
