"""Words for a person to read: around numbers, and on a terminal, which nothing in them controls."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from ferlab import secrets


def pluralize(count: int, what: str, many: str | None = None) -> str:
    """``1 trial``, ``24 trials``; ``many`` where an s does not do."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def join_words(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def shorten(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def printable(text: object) -> str:
    """The text in one line that a terminal shows as it is: what controls it is spelt out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def visible(text: str) -> str:
    """Lines that a terminal shows as they are: what else controls it is spelt out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\n\t" else printable(c) for c in text)


class _Shown:
    """A stream on which a text is written as it may be shown; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(visible(secrets.hide(text)))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Write standard output and standard error so while the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Shown(unguarded(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """The stream itself, for who moves the cursor; what is written there is shown as it is."""
    return stream.stream if isinstance(stream, _Shown) else stream
