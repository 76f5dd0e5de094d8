"""What the endpoint is asked and answers, and the document that says so to programs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ferlab import __version__
from ferlab.use.face import FaceIn

_PLACE = "in pixels of the photo as it is seen, upright, from its upper left corner"

MEDIA = ("image/*", "application/octet-stream")
"""Types of a body that is an image as it is; else it is JSON."""


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Options(_Plain):
    """How an image is to be read; in the query of an image, beside it in JSON."""

    model: str | None = Field(None, description="a name that /models has; the first if none")
    face: FaceIn = Field(
        "found", description="whether faces are found, or the photo is one as a whole"
    )
    explain: bool = Field(False, description="whether to say what in the face counted")


class JsonImage(Options):
    """An image and its options."""

    image: str = Field(description="base64 of an image's file, or a data URL of it")


class Box(_Plain):
    """Edges of a face."""

    left: float
    top: float
    right: float
    bottom: float


class FaceExplanation(_Plain):
    """What in a face counted for its expression, by Grad-CAM (Selvaraju et al. 2017)."""

    corners: list[tuple[float, float]] = Field(
        min_length=4,
        max_length=4,
        description=f"of the square that was seen, from its upper left with the clock, {_PLACE}",
    )
    seen: str = Field(description="what the network saw of it: data URL of a grey PNG, 48x48")
    map: str = Field(description="how much each place counted, 255 the most: the same")


class FaceAnswer(_Plain):
    """A face, and what it expresses."""

    box: Box = Field(description=_PLACE)
    eyes: list[tuple[float, float]] | None = Field(
        description=f"the one on the photo's left and the other, {_PLACE}; null if not looked for"
    )
    score: float = Field(ge=0, le=1, description="how sure the finder is that it is a face")
    expression: str = Field(description="the most probable class")
    probabilities: dict[str, float] = Field(
        description="of each class; calibrated, if the run has recorded a temperature"
    )
    explanation: FaceExplanation | None = Field(None, description="if it was asked for")


class Answer(_Plain):
    """What a photo shows."""

    model: str = Field(description="what answered")
    classes: list[str]
    width: int = Field(description="of the photo, upright, in pixels")
    height: int
    faces: list[FaceAnswer] = Field(description="from left to right; none where none is found")
    seconds: float = Field(description="that it took, waiting left out")


class OfferedModel(_Plain):
    """A model that may be asked."""

    name: str = Field(description="by which `model` asks for it, and ferlab's commands too")
    what: str = Field(description="it is, for people to read")
    kind: Literal["started", "registered", "study", "run"]
    accuracy: float | None = Field(description="on its run's validation images, if recorded")
    explains: bool = Field(description="whether `explain` can be asked of it")


class ModelList(_Plain):
    """The models to choose from, the one that is asked by default first."""

    models: list[OfferedModel]


class Health(_Plain):
    """The server answers."""

    status: Literal["ok"]
    version: str
    model: str = Field(description="what answers by default")
    classes: list[str] = Field(description="that it tells apart")


class Refusal(_Plain):
    """Why there is no answer."""

    error: Annotated[str, Field(description="one line: what is wrong, and what would be right")]


_REFUSED = {
    400: "the request is not as described here",
    403: "it is made for another host, or by another site's page",
    404: "there is no such model",
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is neither an image nor JSON",
    422: "the image cannot be read, or the model cannot explain itself",
    500: "the model cannot be loaded, or something unexpected happened",
    503: "too many requests wait already; Retry-After says when to ask again",
}


def document() -> dict[str, Any]:
    """The endpoints in OpenAPI 3.1."""
    query = Options.model_json_schema()["properties"]
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    image = {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA}
    posted = {
        "summary": "Find the faces in an image, and say what they express",
        "parameters": parameters,
        "requestBody": {"required": True, "content": image | _json(JsonImage)},
        "responses": _responses(Answer)
        | {
            str(code): {"description": why, "content": _json(Refusal)}
            for code, why in _REFUSED.items()
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "ferlab serve", "version": __version__},
        "paths": {
            "/predict": {"post": posted},
            "/models": {"get": {"summary": "List the models", "responses": _responses(ModelList)}},
            "/health": {"get": {"summary": "Answer", "responses": _responses(Health)}},
        },
    }


def _responses(model: type[BaseModel]) -> dict[str, Any]:
    return {"200": {"description": str(model.__doc__), "content": _json(model)}}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": model.model_json_schema()}}
