"""A server seen through a proxy that can have it fail, hang, or not be there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Mood = Literal["well", "failing", "hanging", "gone"]

_FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Relays connections to a port of this machine, as long as it is well.

    Args:
        target: the port of the server.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._mood: Mood = "well"
        self._open: set[socket.socket] = set()
        self._told = b""
        self._last: tuple[bytes, bool] | None = None
        self._listen(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, path: str) -> int:
        """How many requests of a path were relayed."""
        return self._told.count(path.encode())

    def become(self, mood: Mood) -> None:
        """Change; what is under way is cut off."""
        self._mood = mood
        if mood == "gone":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        elif self._listener.fileno() < 0:
            self._listen(self.port)
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def vanish_at(self, text: str, *, hears: bool = False) -> None:
        """Be gone once a client says a text in a single write; ``hears``: when it is relayed."""
        self._last = text.encode(), hears

    def close(self) -> None:
        if self._mood != "gone":
            self.become("gone")

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._open.add(near)
        with near, suppress(OSError):
            if self._mood == "well":
                with socket.create_connection(("127.0.0.1", self._target)) as far:
                    back = threading.Thread(target=_relay, args=(far, near), daemon=True)
                    back.start()
                    while data := near.recv(1 << 16):
                        self._told += data
                        text, hears = self._last or (None, True)
                        is_last = text is not None and text in data
                        if not is_last or hears:
                            far.sendall(data)
                        if is_last:
                            self._last = None
                            self.become("gone")
                    far.shutdown(socket.SHUT_WR)
                    back.join()
            elif self._mood == "failing":
                while b"\r\n\r\n" not in near.recv(1 << 16):
                    pass
                near.sendall(_FAILED)
            else:  # hanging: nothing is said until the client gives up, or all is well again
                while near.recv(1 << 16):
                    pass
        self._open.discard(near)


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy while the block runs."""
    running = Proxy(target)
    try:
        yield running
    finally:
        running.close()
