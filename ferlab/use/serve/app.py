"""The page and its endpoints."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ferlab import __version__
from ferlab.errors import FerlabError
from ferlab.use.serve import schema
from ferlab.use.serve.body import Bodies, too_many
from ferlab.use.serve.guard import Guard
from ferlab.use.serve.models import Models
from ferlab.use.serve.scoring import Scoring, refusal

WAITING = 64
"""Posts that are read, wait or are answered at a time."""

THREADS = min(4, os.cpu_count() or 1)
"""That answer them, of one core each."""

_PAGE = Path(__file__).parent / "page"
_IMAGE = ("image/", "application/octet-stream")
_JSON = "application/json"

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class Endpoints:
    """What is asked over HTTP.

    Args:
        models: that may be asked.

    Raises:
        FerlabError: see `ferlab.use.serve.scoring.Scoring`.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._scoring = Scoring(models)
        self._threads = ThreadPoolExecutor(THREADS, "scoring")
        self._bodies = Bodies()
        self._posts = 0

    async def page(self, request: Request) -> Response:
        """The page."""
        del request
        return FileResponse(_PAGE / "index.html")

    async def health(self, request: Request) -> Response:
        """See `ferlab.use.serve.schema.Health`."""
        del request
        model = self._models.default
        told = {"status": "ok", "version": __version__}
        return JSONResponse(told | {"model": model.what, "classes": list(model.classes)})

    async def schema(self, request: Request) -> Response:
        """See `ferlab.use.serve.schema.document`."""
        del request
        return JSONResponse(schema.document())

    async def models(self, request: Request) -> Response:
        """See `ferlab.use.serve.schema.ModelList`."""
        del request
        offers = await self._threaded(self._models.offers)
        listed = [
            {key: value for key, value in offer._asdict().items() if key != "run_id"}
            for offer in offers
        ]
        return JSONResponse({"models": listed})

    async def predict(self, request: Request) -> Response:
        """See `ferlab.use.serve.schema.Answer`."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON and not kind.startswith(_IMAGE):
            raise HTTPException(
                415, f"send an image as image/jpeg or alike, or base64 of it in {_JSON}"
            )
        if self._posts >= WAITING:
            raise too_many()
        self._posts += 1
        body = bytearray()
        try:
            if kind == _JSON:
                body = await self._bodies.read(request)
                answer = await self._threaded(self._scoring.answer_json, body)
            else:
                options = schema.Options.model_validate(dict(request.query_params))
                body = await self._bodies.read(request)
                answer = await self._threaded(self._scoring.answer, body, options)
        except ValidationError as error:
            raise refusal(error) from error
        finally:
            self._posts -= 1
            self._bodies.release(body)
        return JSONResponse(answer)

    async def _threaded(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        """Call a function in a thread, so that others are served meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)


def make_app(models: Models, host: str) -> Guard:
    """The page and its endpoints.

    Args:
        models: that may be asked.
        host: see `ferlab.use.serve.guard.Guard`.

    Raises:
        FerlabError: see `Endpoints`.
    """
    ends = Endpoints(models)
    app = Starlette(
        routes=[
            Route("/", ends.page),
            Route("/health", ends.health),
            Route("/schema", ends.schema),
            Route("/models", ends.models),
            Route("/predict", ends.predict, methods=["POST"]),
            Mount("/page", StaticFiles(directory=_PAGE)),
        ],
        exception_handlers={
            HTTPException: _refused,
            ClientDisconnect: _gone,
            FerlabError: _failed,
            Exception: _unexpected,
        },
    )
    return Guard(app, host)


async def _refused(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):  # Starlette says no more of it than this
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    del request, error
    return Response(status_code=400)  # nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"error": str(error)}, 500)


async def _unexpected(request: Request, error: Exception) -> Response:
    told = f"unexpected {type(error).__name__}: {error}"
    _log.error("ferlab: %s %s: %s (--debug shows where)", request.method, request.url.path, told)
    return JSONResponse({"error": f"unexpected {type(error).__name__}"}, 500)
