"""A browser without a window, driven through Chromium's own protocol over two pipes."""

import base64
import json
import os
import select
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Command, Stuck, started, wait_until

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


class Page:
    """The one page of a browser.

    Args:
        process: the browser.
        sending, receiving: ends of its pipes.

    Attributes:
        told: what the page wrote on its console, and its errors.
    """

    def __init__(self, process: Command, sending: int, receiving: int) -> None:
        self.told: list[str] = []
        self._process = process
        self._sending, self._receiving = sending, receiving
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = session
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._sending, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            wait_until(lambda: self._process.poll() is not None or self._is_told(0.05))
            if not self._is_told(0):
                raise Stuck(f"the browser ended: {self._process.told()}")
            self._buffer += os.read(self._receiving, 2**20)
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _is_told(self, seconds: float) -> bool:
        return bool(select.select([self._receiving], [], [], seconds)[0])

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled":
                self.told.append(" ".join(str(arg.get("value")) for arg in params["args"]))
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.told.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded":
                self.told.append(params["entry"]["text"])

    def look(self, width: int, height: int, scheme: str) -> None:
        """Give the window a size, and the scheme that its user prefers: light or dark."""
        is_phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def open(self, address: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def js(self, expression: str) -> Any:
        """The value of an expression, which may be a promise."""
        done = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in done, (expression, done)
        return done["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        wait_until(lambda: self.js(f"Boolean({condition})"))

    def upload(self, selector: str, path: Path) -> None:
        """Choose a file in a field."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"Tab": {}, "Space": {"text": " "}, "Enter": {"text": "\r"}}[key]
        codes = {"Tab": 9, "Space": 32, "Enter": 13}
        named = {"key": " " if key == "Space" else key, "code": key}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                windowsVirtualKeyCode=codes[key],
                **named,
                **(text if kind == "keyDown" else {}),
            )

    def picture(self, path: Path) -> None:
        """Keep what the window shows, as a PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder: Path, *options: str) -> Iterator[Page]:
    """A browser while the block runs.

    Args:
        folder: for its profile.
        options: of its command line, besides those for running without a window.
    """
    assert CHROMIUM is not None
    command: Sequence[str] = [
        *("bash", "-c", 'exec "$@" 3<&"$FERLAB_IN" 4>&"$FERLAB_OUT"', "bash", CHROMIUM),
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--remote-debugging-pipe", f"--user-data-dir={folder}", *options),
    ]
    its_in, sending = os.pipe()
    receiving, its_out = os.pipe()
    try:
        pipes = {"FERLAB_IN": str(its_in), "FERLAB_OUT": str(its_out)}
        with started(command, env=pipes, pass_fds=(its_in, its_out)) as process:
            yield Page(process, sending, receiving)
    finally:
        for end in (its_in, sending, receiving, its_out):
            os.close(end)
