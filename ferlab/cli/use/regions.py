"""``ferlab explain STUDY --regions``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ferlab.cli.table import table

if TYPE_CHECKING:
    from ferlab.analysis.regions.measured import MeasuredRegions


def explain_regions(
    study: str, storage: str | None, method: str, images: int, folder: Path, as_json: bool
) -> int:
    """Measure which regions of the face a confirmation's networks go by, keep that, and print it.

    Args:
        study: the search that was confirmed.
        storage: where it is kept; None for ferlab's home.
        method: of attribution.
        images: how many validation images to take.
        folder: of the report; created if missing.
        as_json: whether to print all numbers, and nothing else.

    Returns:
        The process's exit code.
    """
    from ferlab.report.regions.files import plain_regions, record_regions, write_regions
    from ferlab.report.regions.text import TEXT
    from ferlab.sweep import studies
    from ferlab.tracking import store
    from ferlab.use.explain.regions.study import measure_study

    client = store.connect(studies.uri_of(studies.open_study(study, storage)), make=False)
    measured = measure_study(client, study, storage, method, images)
    record_regions(measured, storage, client)
    write_regions(measured, folder)
    if as_json:
        print(json.dumps(plain_regions(measured), indent=2))
        return 0
    _print(measured)
    print(f"result   {folder / TEXT}")
    return 0


def _print(measured: "MeasuredRegions") -> None:
    from ferlab.analysis.regions.words import (
        DIFFERENCES,
        USES,
        difference_rows,
        how,
        sentences,
        use_rows,
    )

    print(table(USES, use_rows(measured)))
    print()
    print(table(DIFFERENCES, difference_rows(measured)))
    print()
    for sentence in sentences(measured):
        print(sentence)
    print(how(measured))
