"""``ferlab explain STUDY --regions``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ferlab.cli.table import table

if TYPE_CHECKING:
    from ferlab.analysis.regions.measured import MeasuredRegions


def explain_regions(
    study: str,
    storage: str | None,
    method: str,
    images: int,
    files: Mapping[str, str],
    copy: Path | None,
    as_json: bool,
) -> int:
    """Measure which regions of the face a confirmation's networks go by, keep that, and print it.

    Args:
        study: the search that was confirmed.
        storage: where it is kept; None for ferlab's home.
        method: of attribution.
        images: how many validation images to take.
        files: where the data lies now; see `ferlab.reproduce.recorded_model.Loader.load`.
        copy: folder that is to have the report, too; created if missing.
        as_json: whether to print all numbers, and nothing else.

    Returns:
        The process's exit code.
    """
    from ferlab.errors import DataError
    from ferlab.report.regions.files import plain_regions, record_regions, write_regions
    from ferlab.sweep import studies
    from ferlab.tracking import store
    from ferlab.use.explain.regions.study import measure_study

    client = store.connect(studies.uri_of(studies.open_study(study, storage)), make=False)
    if copy is not None:
        try:
            copy.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"--save {copy}: {error.strerror or error}") from error
    measured = measure_study(client, study, storage, method, images, files)
    run = record_regions(measured, storage, client)
    if copy is not None:
        write_regions(measured, copy)
    if as_json:
        print(json.dumps(plain_regions(measured), indent=2))
        return 0
    _print(measured)
    print(f"look     {run.look}")
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
