"""A confirmation's report as files: for MLflow, and for ``experiments/``."""

import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from ferlab.analysis.comparison import figures
from ferlab.analysis.sequential.figure import looks_figure
from ferlab.confirm.evidence import Evidence
from ferlab.report import search_files
from ferlab.report.confirmation_background import SEARCH
from ferlab.report.confirmation_text import confirmation_markdown
from ferlab.report.page import write_page
from ferlab.report.regions.files import write_kept
from ferlab.report.svg import save_svg
from ferlab.sweep import studies
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyRun

TEXT = "report.md"


def write_confirmation(
    evidence: Evidence, storage: str | None, folder: Path, name: str = TEXT
) -> None:
    """Write the text, its pictures, and a page that holds both; and the search in full.

    Args:
        evidence: of a confirmation.
        storage: where the search is kept; None for ferlab's home.
        folder: must exist; of what it holds, the files of an earlier report are replaced.
        name: of the text's file.
    """
    study = evidence.choice.study
    command = studies.resume_command(studies.open_study(study, storage))
    searched = search_files.write_search(evidence.search, command, storage, folder, SEARCH)
    files = {picture: f"{picture}.svg" for picture in searched}
    for picture, figure in draw_confirmation(evidence).items():
        files[picture] = f"{picture}.svg"
        save_svg(figure, folder / files[picture])
    files |= write_kept(evidence.regions, folder)
    text = confirmation_markdown(evidence, files, search_files.notes(folder))
    (folder / name).write_text(text, encoding="utf-8")
    write_page(f"{study}: is the gain real?", text, folder, files.values())


def record_confirmation(evidence: Evidence, storage: str | None, client: Client) -> None:
    """Keep the report on the MLflow runs of the search and of its confirmation.

    Beside it, their tags ``ferlab.verdict`` hold the verdict on the first arm in words.
    """
    choice = evidence.choice
    with tempfile.TemporaryDirectory() as folder:
        write_confirmation(evidence, storage, Path(folder))
        for study in (choice.name, choice.study):
            run = StudyRun(client, studies.open_study(study, storage).user_attrs["run_id"])
            run.log_folder(Path(folder))
            run.log_summary({}, {"ferlab.verdict": evidence.words(choice.arms[1].name)})
            if study == choice.name:
                run.show_pictures([f"{picture}.svg" for picture in ("looks", "forest", "seeds-1")])


def draw_confirmation(evidence: Evidence) -> dict[str, Figure]:
    """The pictures of a confirmation, by name."""
    first = evidence.comparisons[0]
    drawn = {
        "looks": looks_figure(
            evidence.choice.plan, [look.rulings for look in evidence.looks], first.baseline
        ),
        "forest": figures.forest(evidence.comparisons, "accuracy"),
        "forest-f1": figures.forest(evidence.comparisons, "f1"),
        "bands": figures.mean_curves(evidence.bands, "val/accuracy"),
    }
    for i, comparison in enumerate(evidence.comparisons, 1):
        drawn[f"seeds-{i}"] = figures.paired_seeds(comparison)
        drawn[f"classes-{i}"] = figures.confusion_difference(comparison)
    return drawn
