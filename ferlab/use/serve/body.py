"""Bodies of requests: bounded in size, in time, and all together in memory."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BODY = 32 * 2**20
"""Largest body, in bytes."""

ALL_BODIES = 8 * MAX_BODY
"""Bytes of bodies that are held at a time."""

SECONDS = 30.0
"""That a client may take to send one."""


class Bodies:
    """The bodies that are held at the moment."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request) -> bytearray:
        """The body of a request; it counts until it is given to `release`.

        Raises:
            HTTPException: 413, 408 or 503: it is too large, too slow, or one too many.
            ClientDisconnect: the client is gone.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY:
            raise _too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(SECONDS):
                async for chunk in request.stream():
                    if len(body) + len(chunk) > MAX_BODY:
                        raise _too_large()
                    if self._held + len(chunk) > ALL_BODIES:
                        raise too_many()
                    body += chunk
                    self._held += len(chunk)
        except TimeoutError as error:
            self.release(body)
            raise HTTPException(
                408, f"the body took more than {SECONDS:g} s", {"Connection": "close"}
            ) from error
        except BaseException:
            self.release(body)
            raise
        return body

    def release(self, body: bytearray) -> None:
        """Forget a body."""
        self._held -= len(body)


def too_many() -> HTTPException:
    """The refusal of what there is no room for."""
    return HTTPException(503, "too many requests wait already", {"Retry-After": "1"})


def _too_large() -> HTTPException:
    return HTTPException(413, f"the body is larger than {MAX_BODY:,} bytes")
