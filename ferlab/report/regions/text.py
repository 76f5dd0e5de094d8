"""What a confirmation's networks go by, as Markdown."""

from ferlab.analysis.regions.measured import MeasuredRegions
from ferlab.analysis.regions.words import (
    DIFFERENCES,
    USES,
    difference_rows,
    how,
    sentences,
    use_rows,
)
from ferlab.report.search_text import markdown_table

TEXT = "REGIONS.md"

PICTURES = ("regions.svg", "regions-compared.svg")
"""What each configuration goes by, and how they differ."""


def regions_markdown(measured: MeasuredRegions) -> str:
    """The report, for someone who did not make it."""
    uses, compared = PICTURES
    paragraphs = [
        f"# {measured.study}: which regions of the face count?",
        *sentences(measured),
        how(measured),
        f"![What the networks go by, region by region]({uses})",
        markdown_table(USES, use_rows(measured)),
        "## Compared with the baseline",
        f"![By how much the configurations differ, region by region]({compared})",
        markdown_table(DIFFERENCES, difference_rows(measured)),
        "Intervals are of 95 %, for other seeds and other images. A difference is *more* or *less* "
        "where p is below its *bound*: 5 % for all attributions, and 5 % for all accuracies, that "
        "regions and configurations share by Holm's steps.",
    ]
    return "\n\n".join(paragraphs) + "\n"
