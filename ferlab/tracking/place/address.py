"""Addresses of stores as drivers read them: whole, and nothing of a password outside its place."""

from operator import attrgetter
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from urllib3.util import parse_url

from ferlab import secrets
from ferlab.errors import TrackingError

HTTP = ("http://", "https://")
"""How the address of a tracking server begins."""

_SERVER = attrgetter("scheme", "host", "port", "path", "query", "fragment")
_DATABASE = attrgetter("username", "host", "port", "database")


def whole_address(address: str) -> str:
    """The address of a store, whole, to connect to it.

    Raises:
        TrackingError: its password is not known to this process.
    """
    if (found := secrets.whole(address)) is None:
        raise TrackingError(
            f"the password of {address} is not known here; give it again, or, for PostgreSQL, "
            "keep it in ~/.pgpass and leave it out"
        )
    secrets.seal(found)  # or it would be shown in what a driver says
    return found


def require_address(uri: str) -> None:
    """Refuse an address in which drivers find a part of the password elsewhere.

    Raises:
        TrackingError: it is such an address, or none at all.
    """
    if not is_address(uri):
        raise TrackingError(
            "tracking.uri, or MLFLOW_TRACKING_URI, is no address of a store; in a password "
            "@ is written %40, / %2F, : %3A, ? %3F, # %23, \\ %5C"
        )
    password = unquote(urlsplit(uri).password or "") if uri.startswith(HTTP) else ""
    try:
        password.encode("latin-1")  # as which requests sends it
    except UnicodeEncodeError:
        raise TrackingError(
            f"the password in {secrets.seal(uri)} has letters that cannot be sent from an address; "
            "leave it out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        ) from None


def is_address(text: str) -> bool:
    """Whether drivers read an address as `secrets.seal` does.

    To them, too, nothing of a password is then a host or a database, which they name in errors.
    """
    sealed = secrets.seal(text)
    try:
        if text.startswith(HTTP):
            urlsplit(text)  # which knows less
            read, shown = parse_url(text), parse_url(sealed)
            behind = f"{read.path}{read.query}{read.fragment}"
            return bool(read.host) and "@" not in behind and _SERVER(read) == _SERVER(shown)
        if "://" not in text:
            return "@" not in text
        url = make_url(text)
        if "@" in (url.database or "") and url.get_backend_name() != "sqlite":
            return False
        return bool(_DATABASE(url) == _DATABASE(make_url(sealed)))
    except (ValueError, ArgumentError):
        return False
