"""What a refusal of bad input must be, and what several of its tests make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ferlab.data import fer2013
from ferlab.errors import DataError

UNKNOWN = "is not FER2013 in a known form: expected train/"


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def lone(name: str, content: bytes) -> Callable:
    def make(published) -> Path:
        (published.root / name).write_bytes(content)
        return published.root / name

    return make


def require_refused(published, cache_folder: Path, source: Path, message: str) -> None:
    """It is refused in one line that names it, and nothing is left behind."""
    before = {path: path.lstat().st_mtime_ns for path in published.root.rglob("*")}
    with pytest.raises(DataError, match=message) as caught:
        fer2013.load(str(source))
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    left = {path for path in published.root.rglob("*") if path not in before}
    assert left <= {cache_folder, *cache_folder.glob("*.lock")}
