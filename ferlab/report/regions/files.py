"""What a confirmation's networks go by, as files: for MLflow, and for ``experiments/``."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.regions.figures import differences_figure, uses_figure
from ferlab.analysis.regions.measured import FOLDER, MeasuredRegions
from ferlab.analysis.regions.words import came_to, sentences
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.confirm.choice import confirmation_name
from ferlab.report.regions.text import NUMBERS, PICTURES, TEXT, regions_markdown
from ferlab.report.svg import save_svg
from ferlab.sweep import studies
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyRun


def write_regions(measured: MeasuredRegions, folder: Path) -> None:
    """Write the text, its pictures, and all numbers.

    Args:
        measured: of a confirmation.
        folder: must exist; of what it holds, the files of an earlier call are replaced.
    """
    for name, figure in zip(PICTURES, (uses_figure, differences_figure), strict=True):
        save_svg(figure(measured), folder / name)
    (folder / TEXT).write_text(regions_markdown(measured), encoding="utf-8")
    numbers = json.dumps(plain_regions(measured), indent=2)
    (folder / NUMBERS).write_text(numbers, encoding="utf-8")


def record_regions(measured: MeasuredRegions, storage: str | None, client: Client) -> StudyRun:
    """Keep the same files on the confirmation's MLflow run, and return it."""
    name = confirmation_name(measured.study)
    run = StudyRun(client, studies.open_study(name, storage).user_attrs["run_id"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, FOLDER)
        folder.mkdir()
        write_regions(measured, folder)
        run.log_folder(Path(scratch))
    return run


def write_kept(files: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Write what a confirmation's run has kept, by path, into the folder of its report.

    Returns:
        The pictures among them: each path, for `ferlab.report.confirmation_background.picture`.
    """
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    return {path: path for path in files if path.endswith(".svg")}


def plain_regions(measured: MeasuredRegions) -> dict[str, object]:
    """All numbers in plain containers; shares, not points."""
    found = measured.comparison
    return {
        "study": measured.study,
        "told": list(sentences(measured)),
        "method": measured.method,
        "split": measured.split,
        "images": measured.images,
        "without_landmarks": measured.without,
        "landmarks": measured.source,
        "flat_maps": measured.flat,
        "area": dict(found.areas),
        "configurations": {
            arm: {
                "seeds": list(found.seeds[arm]),
                "regions": {
                    region: {
                        "attribution": _estimate(use.share),
                        "attribution_less_area": _estimate(use.excess),
                        "accuracy_lost": _estimate(use.drop),
                    }
                    for region, use in regions.items()
                },
            }
            for arm, regions in found.uses.items()
        },
        "baseline": found.baseline,
        "differences": {
            arm: {
                region: {
                    "attribution": _ruling(both.share, came_to(both.share, found.plan)),
                    "accuracy_lost": _ruling(both.drop, came_to(both.drop, found.plan)),
                }
                for region, both in regions.items()
            }
            for arm, regions in found.differences.items()
        },
    }


def _estimate(estimate: Estimate) -> dict[str, object]:
    low, high = estimate.interval()
    return {"mean": estimate.value, "low": low, "high": high}


def _ruling(ruling: Ruling, told: str) -> dict[str, object]:
    estimate = _estimate(ruling.estimate)
    return {**estimate, "p": ruling.estimate.p, "bound": ruling.level, "came_to": told}
