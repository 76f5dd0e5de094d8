"""Images answered: decoded, read and explained."""

import base64
import binascii
import time
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from ferlab.errors import DataError
from ferlab.use import photo
from ferlab.use.described import described
from ferlab.use.face import finder_of
from ferlab.use.reader import Reader
from ferlab.use.serve.explanation import explanation_of
from ferlab.use.serve.models import Models
from ferlab.use.serve.schema import JsonImage, Options


class Scoring:
    """Answers images; any thread may ask.

    Args:
        models: that may be asked.

    Raises:
        FerlabError: see `ferlab.use.face.finder_of`.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._finders = {"found": finder_of("found"), "whole": finder_of("whole")}

    def answer_json(self, body: bytes | bytearray) -> dict[str, Any]:
        """Answer a `ferlab.use.serve.schema.JsonImage`; else as `answer`.

        Raises:
            HTTPException: 400, too: it is none.
        """
        try:
            asked = JsonImage.model_validate_json(body)
        except ValidationError as error:
            raise refusal(error) from error
        _, is_url, data = asked.image.rpartition(";base64,")
        try:
            image = base64.b64decode(data if is_url else asked.image, validate=True)
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, "image: it is no base64, nor a data URL of it") from error
        return self.answer(image, asked)

    def answer(self, image: bytes | bytearray, options: Options) -> dict[str, Any]:
        """Answer an image's file, as `ferlab.use.serve.schema.Answer` says.

        Raises:
            HTTPException: 404 or 422: there is no such model, the image cannot be read, or the
                model cannot be explained.
            FerlabError: the model cannot be loaded.
        """
        model = self._models.get(options.model)
        if model is None:
            raise HTTPException(404, f"there is no model '{options.model}'; /models lists them")
        started, classes = time.monotonic(), model.classes
        reader = Reader(model, self._finders[options.face])
        try:
            pixels = photo.decode(bytes(image), "the image")
            readings = reader.read(pixels)
            faces = [described(reading, classes) for reading in readings]
            if options.explain:
                for face, reading in zip(faces, readings, strict=True):
                    face["explanation"] = explanation_of(model, reading)
        except DataError as error:
            raise HTTPException(422, str(error)) from error
        height, width = pixels.shape[:2]
        return {
            "model": model.what,
            "classes": list(classes),
            "width": width,
            "height": height,
            "faces": faces,
            "seconds": round(time.monotonic() - started, 4),
        }


def refusal(error: ValidationError) -> HTTPException:
    """400, in a line for the first of what is wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return HTTPException(400, f"{where}: {first['msg']}" if where else first["msg"])
