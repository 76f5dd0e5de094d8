"""What a study's text says of trials that are made up."""

from typing import Any

from ferlab.report.search_text import search_markdown
from ferlab.study.table import StudyTable, TrialRow
from tests.fake_studies import row

SETTLE = "ferlab confirm fake_study"
NONE = {"model.attention.kind": "none"}

OF_TWO = 0.01 / 1.5**0.5
"""By which the seeds of two trials, one turned, lie apart where trial and seed leave 0.01."""


def se(number: int, value: float | None, **given: Any) -> TrialRow:
    params = {"model.attention.kind": "se", "model.attention.reduction": 4}
    return row(number, value, params=params, **given)


def seeds(mean: float, apart: float, turn: int = 0) -> dict[str, Any]:
    """A trial of three seeds of a standard deviation; by ``turn`` another one is the best."""
    scores = [mean + apart * (place - 1) for place in range(3)]
    return {"value": mean, "replicates": tuple(scores[(i + turn) % 3] for i in range(3))}


def text(of: StudyTable, **pictures: str) -> str:
    return search_markdown(of, "ferlab sweep fake_study", SETTLE, pictures)
