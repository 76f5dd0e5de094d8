"""A home that was moved, or copied: MLflow's tables are told where its artifacts are now.

MLflow keeps the absolute address of each experiment's, run's and model's artifacts, and has no call
that changes one. All that ferlab knows of its tables is here.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

TAG = {"ferlab.artifacts": "home"}
"""On an experiment whose artifacts lie in ferlab's home, wherever that is."""

_ADDRESSES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
    ("experiments", "artifact_location"),
)
"""Tables and columns that hold addresses of artifacts."""

_HOLDS_FOR = "3.17.2"
"""The release of MLflow whose tables were read."""

_TIMEOUT = 60.0
"""Seconds to wait for another process that writes."""

_log = logging.getLogger("ferlab")


def follow(database: Path, artifacts: Path) -> None:
    """Have artifacts that lay in this store's home be where the home is now.

    Args:
        database: the store's SQLite file.
        artifacts: the home's folder of artifacts.
    """
    here = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=_TIMEOUT)) as tables, tables:
        olds = tables.execute(
            "SELECT DISTINCT artifact_location FROM experiments JOIN experiment_tags "
            "USING (experiment_id) WHERE key = ? AND value = ? AND artifact_location != ?",
            (*next(iter(TAG.items())), here),
        ).fetchall()
        for (old,) in olds:
            if not _is_same(old, artifacts):
                moved = [_replace(tables, *column, old, here) for column in _ADDRESSES]
                if moved[0]:
                    _log.info("note     the runs that lay in %s are in %s now", old, here)


def _replace(tables: sqlite3.Connection, table: str, column: str, old: str, new: str) -> int:
    """Replace the beginning of all addresses below ``old``; returns how many there were."""
    done = tables.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  names of this file
        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
    )
    return done.rowcount


def _is_same(address: str, folder: Path) -> bool:
    """Whether an address leads to this folder, by a link or a mount."""
    path = Path(unquote(urlsplit(address).path))
    return path.exists() and folder.exists() and path.samefile(folder)
