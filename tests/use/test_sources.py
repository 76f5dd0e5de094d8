"""Where photos are looked for, under whatever names."""

import io
import os
from pathlib import Path

import pytest

from ferlab.errors import DataError
from ferlab.use.sources import Source, listed


def names(arguments: list[str], stdin: bytes = b"") -> list[str]:
    """Of the sources, and the words of what is none."""
    found = listed(arguments, io.BytesIO(stdin))
    return [str(each) if isinstance(each, DataError) else each.name for each in found]


def made(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"picture")
    return folder


def test_paths_stay_in_order_and_folders_are_looked_through(tmp_path: Path) -> None:
    made(tmp_path, "b.txt", "z/b.JPG", "z/a (1).png", "z/deep/c.heic", "z/notes.txt", "z/.x.jpg")
    made(tmp_path, "z/.thumbnails/d.jpg", "z/picture.jpg/e.webp")
    found = names([f"{tmp_path}/b.txt", f"{tmp_path}/z", f"{tmp_path}/none.jpg"])
    assert [name.removeprefix(f"{tmp_path}/") for name in found] == [
        "b.txt",
        *("z/a (1).png", "z/b.JPG", "z/deep/c.heic", "z/picture.jpg/e.webp"),
        "none.jpg",
    ]


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    made(tmp_path, "notes.txt")
    (told,) = names([str(tmp_path)])
    assert told.startswith(f"{tmp_path} holds no photo: no file that ends in .avif, .bmp, ")


def test_what_controls_a_terminal_is_spelt_out(tmp_path: Path) -> None:
    made(tmp_path, "a\x1b[31m\n.jpg")
    made(tmp_path, os.fsdecode(b"\xff.jpg"))
    assert names([str(tmp_path)]) == [f"{tmp_path}/a\\x1b[31m\\n.jpg", f"{tmp_path}/\\udcff.jpg"]


def test_standard_input_holds_paths_or_a_photo(tmp_path: Path) -> None:
    made(tmp_path, "a b.jpg", "c\n.jpg", "d/e.png")
    paths = [os.fsencode(tmp_path / name) for name in ("a b.jpg", "d")]
    assert names(["-"], b"\n".join(paths) + b"\r\n") == [
        f"{tmp_path}/a b.jpg",
        f"{tmp_path}/d/e.png",
    ]
    assert names(["-"], os.fsencode(tmp_path / "c\n.jpg") + b"\0") == [f"{tmp_path}/c\\n.jpg"]
    for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"\0\0\0\x18ftypheic", b"P5 2 2 255\n"):
        (source,) = listed(["-"], io.BytesIO(start))
        assert isinstance(source, Source)
        assert (source.name, source.read()) == ("standard input", start)
    told = "standard input is empty; it may hold a photo, or paths of photos"
    assert names(["-"]) == names(["-"], b"\n\n") == [told]


@pytest.mark.parametrize("path", ["none.jpg", "a\0b.jpg", "x" * 300])
def test_what_cannot_be_read_is_told_when_it_is(path: str, tmp_path: Path) -> None:
    (source,) = listed([f"{tmp_path}/{path}"], io.BytesIO())
    assert isinstance(source, Source)
    with pytest.raises(DataError, match="cannot be read: ") as caught:
        source.read()
    assert "\n" not in str(caught.value)
