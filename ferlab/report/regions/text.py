"""What a confirmation's networks go by, as Markdown."""

import json
from collections.abc import Iterator, Mapping

from ferlab.analysis.regions.measured import FOLDER, MeasuredRegions
from ferlab.analysis.regions.words import (
    DIFFERENCES,
    USES,
    difference_rows,
    how,
    sentences,
    use_rows,
)
from ferlab.confirm.evidence import Evidence
from ferlab.report.confirmation_background import picture
from ferlab.report.search_text import markdown_table

TEXT, NUMBERS = "REGIONS.md", "regions.json"

PICTURES = ("regions.svg", "regions-compared.svg")
"""What each configuration goes by, and how they differ."""

_CAPTIONS = (
    "What the networks go by, region by region",
    "By how much the configurations differ, region by region",
)


def regions_markdown(measured: MeasuredRegions) -> str:
    """The report, for someone who did not make it."""
    shown = [f"![{text}]({name})" for text, name in zip(_CAPTIONS, PICTURES, strict=True)]
    paragraphs = [
        f"# {measured.study}: which regions of the face count?",
        *sentences(measured),
        how(measured),
        shown[0],
        markdown_table(USES, use_rows(measured)),
        "## Compared with the baseline",
        shown[1],
        markdown_table(DIFFERENCES, difference_rows(measured)),
        "Intervals are of 95 %, for other seeds and other images. A difference is *more* or *less* "
        "where p is below its *bound*: 5 % for all attributions, and 5 % for all accuracies, that "
        "regions and configurations share by Holm's steps.",
    ]
    return "\n\n".join(paragraphs) + "\n"


def regions(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """A section of the confirmation's report, if regions were measured."""
    if not evidence.regions:
        return
    yield "## What the networks go by"
    yield " ".join(json.loads(evidence.regions[f"{FOLDER}/{NUMBERS}"])["told"])
    for name, caption in zip(PICTURES, _CAPTIONS, strict=True):
        yield from picture(pictures, f"{FOLDER}/{name}", caption)
    yield f"All regions, and how they were measured: [{FOLDER}/{TEXT}]({FOLDER}/{TEXT})."
