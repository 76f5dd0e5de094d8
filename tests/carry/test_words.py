"""What is called otherwise in a bundle, and what must stay as it is."""

import pytest

from ferlab.carry.words import changed_file, without_folders

FOLDERS = {"/data": "data", "/data/faces": "faces", "/home/me": "~", "/": "root"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data.path=/data/faces", "data.path=faces"),
        ("/data, /data. '/data' (/data/x.png)", "data, data. 'data' (data/x.png)"),
        ("sqlite:////home/me/mlruns/mlflow.db", "sqlite:///~/mlruns/mlflow.db"),
        ("ferlab/data/cache.py", "ferlab/data/cache.py"),
        ("/data-2, /database, /data.zip, ./data", "/data-2, /database, /data.zip, ./data"),
        ("/data/faces2", "data/faces2"),
    ],
)
def test_whole_folders_alone_are_called_otherwise(text: str, expected: str) -> None:
    assert without_folders(text, FOLDERS) == expected


@pytest.mark.parametrize(
    "path", ["predictions/val.csv", "looks/look-1.json", "environment/sources.json"]
)
def test_what_a_digest_is_kept_of_is_carried_as_it_is(path: str) -> None:
    text = b"ferlab/data/cache.py 0.1234"
    assert changed_file(path, text, str.upper, lambda _, lies: lies) == text
    assert changed_file("note.md", text, str.upper, lambda _, lies: lies) == text.upper()
