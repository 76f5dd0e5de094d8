"""What a study's text says of trials that are made up."""

from typing import Any

from ferlab.report.search_text import search_markdown
from ferlab.study.table import StudyTable, TrialRow
from tests.fake_studies import row

SETTLE = "ferlab confirm fake_study"
NONE = {"model.attention.kind": "none"}


def se(number: int, value: float | None, **given: Any) -> TrialRow:
    params = {"model.attention.kind": "se", "model.attention.reduction": 4}
    return row(number, value, params=params, **given)


def seeds(mean: float, apart: float) -> dict[str, Any]:
    """A trial of three seeds whose standard deviation is ``apart``."""
    return {"value": mean, "replicates": (mean - apart, mean, mean + apart)}


def text(of: StudyTable, **pictures: str) -> str:
    return search_markdown(of, "ferlab sweep fake_study", SETTLE, pictures)
