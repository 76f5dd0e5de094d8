"""What a confirmation's networks go by, as files: for MLflow, and for ``experiments/``."""

import json
import tempfile
from pathlib import Path

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.regions.figures import differences_figure, uses_figure
from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.words import came_to
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.confirm.choice import confirmation_name
from ferlab.report.regions.text import PICTURES, TEXT, regions_markdown
from ferlab.report.svg import save_svg
from ferlab.sweep import studies
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyRun

NUMBERS = "regions.json"


def write_regions(measured: MeasuredRegions, folder: Path) -> None:
    """Write the text, its pictures, and all numbers.

    Args:
        measured: of a confirmation.
        folder: created if missing; of what it holds, the files of an earlier call are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in zip(PICTURES, (uses_figure, differences_figure), strict=True):
        save_svg(figure(measured), folder / name)
    (folder / TEXT).write_text(regions_markdown(measured), encoding="utf-8")
    numbers = json.dumps(plain_regions(measured), indent=2)
    (folder / NUMBERS).write_text(numbers, encoding="utf-8")


def record_regions(measured: MeasuredRegions, storage: str | None, client: Client) -> None:
    """Keep the same files on the confirmation's MLflow run."""
    name = confirmation_name(measured.study)
    with tempfile.TemporaryDirectory() as folder:
        write_regions(measured, Path(folder))
        run_id = studies.open_study(name, storage).user_attrs["run_id"]
        StudyRun(client, run_id).log_folder(Path(folder))


def plain_regions(measured: MeasuredRegions) -> dict[str, object]:
    """All numbers in plain containers; shares, not points."""
    found = measured.comparison
    return {
        "study": measured.study,
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
