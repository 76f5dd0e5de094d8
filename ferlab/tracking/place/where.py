"""Where a tracking store is: its URI, as it is found, kept in a study, and recalled."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from ferlab import paths, secrets
from ferlab.errors import TrackingError

SQLITE = "sqlite:///"
"""How the URI of a file begins."""

_ALTERED = re.compile(r"%(?=[0-9a-fA-F]{2})|\?")
"""What is not itself in the URI of a file."""


def default_uri() -> str:
    """``MLFLOW_TRACKING_URI``, else one SQLite file in ferlab's home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or file_uri(paths.home() / "mlflow.db")


def file_uri(path: Path) -> str:
    """The URI of a SQLite file, in which only what would be read as something else is escaped."""
    return f"{SQLITE}{_ALTERED.sub(lambda found: quote(found[0]), str(path))}"


def file_of(uri: str) -> Path:
    """The file of a SQLite URI."""
    return Path(unquote(uri.removeprefix(SQLITE)))


def noted(uri: str | None) -> str | None:
    """A store's URI without password, to keep for `recalled`; None for the one in ferlab's home."""
    uri = uri or default_uri()
    if uri.startswith(SQLITE):
        uri = file_uri(file_of(uri).absolute())
    return None if is_home(uri) else secrets.seal(uri)


def is_home(uri: str) -> bool:
    """Whether a URI leads to the store in ferlab's home, by whatever path."""
    return uri.startswith(SQLITE) and file_of(uri).resolve() == paths.home() / "mlflow.db"


def recalled(note: str | None) -> str | None:
    """The URI of a store from its `noted` form; None for `default_uri`, or if the user sets one.

    Raises:
        TrackingError: the URI has a password, which was not kept.
    """
    if note is None or os.environ.get("MLFLOW_TRACKING_URI"):
        return None
    if secrets.whole(note) is None:
        raise TrackingError(
            f"the runs are in {note}, whose password is not kept; "
            "set MLFLOW_TRACKING_URI to it, with the password"
        )
    return note
