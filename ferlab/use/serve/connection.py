"""A connection that does not wait for its client for ever."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""That a client may take to send the head of a request, to finish one that was answered before its
end, or to take any of an answer that is too large for the buffers."""


class BoundedConnection(H11Protocol):
    """uvicorn's connection, ended where a client leaves it waiting.

    uvicorn itself waits for heads of requests, and for room to write, as long as it takes. The time
    for a body is bounded where it is read; see `ferlab.use.serve.body`.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time for the first head begins."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """It ends with the head, and not with a part of it."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """That for the next one begins."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The buffers are full."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """They are empty again."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        super().connection_lost(exc)
        self._forget()

    def _watch(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and not self.flow.write_paused:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(SECONDS, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
