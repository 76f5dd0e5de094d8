"""Words around numbers, as a person reads them."""

from collections.abc import Iterable


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
