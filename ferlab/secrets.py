"""Passwords in the addresses of stores: which there are, and how none of them is shown or kept.

An address is *sealed* where it is read: what is composed, recorded, passed on and shown has ``***``
in the place of its password. It is whole again only where a connection is made. Processes that are
started find the whole addresses in their environment.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

ADDRESSES = ("study.storage", "tracking.uri")
"""Keys of a config whose values may have a password in them."""

HIDDEN = "***"
"""What stands for a password."""

_VARIABLE = "FERLAB_ADDRESSES"
"""Environment variable of the whole addresses by the sealed ones, as JSON."""

_OF_MLFLOW = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_OTHERS = (*_OF_MLFLOW, "PGPASSWORD")
"""Environment variables that are secrets as they are."""

# Each is bounded, so that a long text is searched in linear time.
_SCHEME = r"[A-Za-z][\w+.-]{0,40}://"
_PLACE = r"\$\{[^}]{0,200}\}"
_NAME = rf"(?:{_PLACE}|(?!{_PLACE})[^:/?#@\s])"
"""A character of a user's name in an address, or the place where the name is to be found."""

# Up to the last @ there is: a password may have any character in it, whatever that means in a URL.
# Who is known to a web server by a name alone is so by a token.
_PASSWORD = re.compile(
    rf"(https?://(?={_NAME}+@(?!.*:.*@))|{_SCHEME}(?:{_NAME}|@)*:)(.+)(?=@)",
    re.DOTALL | re.IGNORECASE,
)
_QUERY = re.compile(
    r"([?&;][^=&;]*(?:pass(?!file)|pwd|secret|token|credential|signature|odbc_connect|api_?key)"
    r"[^=&;]*=)([^&;]+)",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(rf"(https?://(?={_NAME}+@)|{_SCHEME}{_NAME}*:)([^\s@]+)(?=@)", re.IGNORECASE)
"""An address within a text; one that has spaces in it is not found by its form."""

_HEADER = re.compile(
    r"(authorization[\"']?\s?[:=]\s?[\"']?(?:basic|bearer)\s)([^\s\"',;<]+)", re.IGNORECASE
)
"""What a server that shows a request in its error page tells of who asked."""

_SHORTEST = 4
"""A password of fewer characters is hidden in its address alone: it is in any text."""


def seal(address: str) -> str:
    """An address, or an override with one, without password, to be kept and shown; see `whole`."""
    if "://" not in address:
        return address
    sealed = _PASSWORD.sub(_hidden, address, count=1)
    begin = sealed.find(f"{HIDDEN}@") + 1  # what was hidden is not looked through again
    sealed = sealed[:begin] + _QUERY.sub(_hidden, sealed[begin:])
    if sealed != address:
        known = _known()
        if known.get(sealed) != address:
            os.environ[_VARIABLE] = json.dumps({**known, sealed: address})
    return sealed


def seal_addresses(plain: dict[str, Any]) -> dict[str, Any]:
    """Seal the `ADDRESSES` of a config, of nested containers, in place; returns it."""
    for key in ADDRESSES:
        section, name = key.split(".")
        values = plain.get(section)
        if isinstance(values, dict) and isinstance(address := values.get(name), str):
            values[name] = seal(address)
    return plain


def whole(sealed: str) -> str | None:
    """The address as it was before it was sealed; None if this process has never known it."""
    return _known().get(sealed) if is_sealed(sealed) else sealed


def is_sealed(address: str) -> bool:
    """Whether a password was taken out of it."""
    return any(f"{before}{HIDDEN}" in address for before in (":", "=", "//"))


def hide(text: str) -> str:
    """The text without any password that is known, however it is written, nor one in an address."""
    seal(os.environ.get("MLFLOW_TRACKING_URI", ""))
    others = tuple(os.environ.get(name, "") for name in _OTHERS)
    for secret, instead in _secrets(os.environ.get(_VARIABLE, "{}"), others):
        text = text.replace(secret, instead)
    text = _HEADER.sub(_hidden, text)
    return _IN_TEXT.sub(_hidden, text) if "://" in text else text


def _known() -> dict[str, str]:
    known: dict[str, str] = json.loads(os.environ.get(_VARIABLE, "{}"))
    return known


def _hidden(found: re.Match[str]) -> str:
    is_named = "${" in found[2]  # where it is to be found is no secret
    return found[0] if is_named else f"{found[1]}{HIDDEN}"


@cache
def _secrets(known: str, others: tuple[str, ...]) -> list[tuple[str, str]]:
    """All texts that tell a secret, the longest first, and what is to stand for each."""
    addresses: dict[str, str] = json.loads(known)
    found = {whole: sealed for sealed, whole in addresses.items()}
    for sealed, address in addresses.items():
        words = [match[2] for match in _PASSWORD.finditer(address)]
        words += [match[2] for match in _QUERY.finditer(address)]
        # One that is a word of the address is no secret, and may be in any text.
        found |= dict.fromkeys(
            (w for word in words for w in _spelt(word) if w not in sealed), HIDDEN
        )
    found |= dict.fromkeys((w for word in others for w in _spelt(word)), HIDDEN)
    return sorted(found.items(), key=lambda pair: -len(pair[0]))


def _spelt(secret: str) -> Iterator[str]:
    """A secret as it stands in addresses, in error texts and in JSON."""
    for word in {secret, unquote(secret)}:
        for way in (str, repr, ascii, json.dumps, quote, quote_plus, _quote_all, _quote_most):
            text = way(word)
            text = text[1:-1] if way in (repr, ascii, json.dumps) else text
            if len(text) >= _SHORTEST:
                yield text


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _quote_most(text: str) -> str:
    """As SQLAlchemy writes a password in a URL."""
    return quote(text, safe=" +")
