"""What was read of a photo, as plain data: for JSON, for CSV, and for a page."""

from collections.abc import Sequence
from typing import Any

from ferlab.use.reader import Reading

EDGES = ("left", "top", "right", "bottom")
"""Of a face's box, in pixels of the photo."""


def described(reading: Reading, classes: Sequence[str]) -> dict[str, Any]:
    """A face: its box and eyes in the photo, and the probability of each class."""
    face = reading.face
    probabilities = [round(p, 4) for p in reading.probabilities.tolist()]
    return {
        "box": dict(zip(EDGES, _edges(reading), strict=True)),
        "eyes": None if face.eyes is None else face.eyes.round(1).tolist(),
        "score": round(face.score, 4),
        "expression": reading.expression,
        "probabilities": dict(zip(classes, probabilities, strict=True)),
    }


def face_columns(classes: Sequence[str]) -> list[str]:
    """The names of what a `face_row` has."""
    return ["photo", "face", *EDGES, "score", "expression", *classes]


def face_row(photo: str, number: int, reading: Reading) -> list[str | int | float]:
    """A face as a row of a CSV, the face of that number in a photo."""
    probabilities = [round(p, 4) for p in reading.probabilities.tolist()]
    found = [*_edges(reading), round(reading.face.score, 4)]
    return [photo, number, *found, reading.expression, *probabilities]


def _edges(reading: Reading) -> list[float]:
    return [round(edge, 1) for edge in reading.face.box]
