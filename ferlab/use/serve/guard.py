"""What stands before the endpoints: who may ask, and what a browser may do with the answer."""

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL = {"localhost", "127.0.0.1", "::1"}

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what a page of another site has a browser ask.

    A name that its owner points to this machine (DNS rebinding) is refused by the Host header, and
    a post from another site's page by its Origin. Programs send no Origin, and are let through.

    Args:
        app: the endpoints.
        host: the address on which the server listens, as the user named it.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = _LOCAL | {host.lower()}
        self._takes_addresses = _is_every_address(host)
        if self._takes_addresses:
            self._names.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with 403."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_known(host):
            answer = JSONResponse({"error": "this server goes by another name"}, 403)
        elif origin is not None and origin.partition("://")[2] != host:
            answer = JSONResponse({"error": "another site's page may not ask this server"}, 403)
        else:
            await self._app(scope, receive, send_guarded)
            return
        await answer(scope, receive, send_guarded)

    def _is_known(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or (self._takes_addresses and _is_address(name))


def _is_address(name: str) -> bool:
    """Whether it is the number of a machine, which nobody can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_every_address(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified
