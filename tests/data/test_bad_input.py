"""Nothing that is not FER2013 gets in, and each refusal says why in one line."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ferlab.data import fer2013
from ferlab.errors import DataError
from tests.data.refused import UNKNOWN, cut, lone, require_refused

PICTURE = "train/sad/Training_5.jpg"


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def with_picture(content: bytes, name: str = PICTURE) -> Callable:
    def make(published) -> Path:
        published.pictures[name] = content
        return published.zip()

    return make


def with_row(column: int, value: str) -> Callable:
    def make(published) -> Path:
        published.rows[3][column] = value
        return published.csv()

    return make


def labels_from_1(published) -> Path:
    for row in published.rows:
        row[0] = str(int(row[0]) + 1)
    return published.csv()


def without_code(code: str) -> Callable:
    def make(published) -> Path:
        published.rows = [row for row in published.rows if row[0] != code]
        return published.csv()

    return make


def without_training(published) -> Path:
    for name in [name for name in published.pictures if name.startswith("train/disgust/")]:
        del published.pictures[name]
    return published.zip()


def empty_folder(published) -> Path:
    (published.root / "empty").mkdir()
    return published.root / "empty"


def tree_and_table(published) -> Path:
    folder = published.folder()
    published.csv("tree/fer2013.csv")
    return folder


def two_copies(published) -> Path:
    published.folder(inside="one")
    return published.folder(inside="two")


def fifo(published) -> Path:
    os.mkfifo(published.root / "fifo")
    return published.root / "fifo"


GREY = Image.new("L", (48, 48))
PIXELS = " ".join(["7"] * 2303)
CASES: dict[str, tuple[Callable, str]] = {
    # the path
    "missing": (
        lambda p: p.root / "nowhere.zip",
        r"data.path=.*nowhere.zip cannot be found \(No such.*msambare/fer2013.*fer2013.csv",
    ),
    "neither file nor folder": (fifo, "is neither a file nor a folder"),
    "empty folder": (empty_folder, UNKNOWN),
    "empty file": (lone("fer2013.csv", b""), UNKNOWN),
    "other file": (lone("notes.txt", b"some, other, table\n1, 2, 3\n"), UNKNOWN),
    "binary file": (lone("model.bin", bytes(range(256)) * 100), UNKNOWN),
    "rar": (lone("archive.rar", b"Rar!\x1a\x07\x01\0"), "is a RAR archive, .* unpack it and set"),
    "7z": (lone("archive.7z", b"7z\xbc\xaf\x27\x1c"), "is a 7z archive, .* unpack it and set"),
    "parquet": (lone("train.parquet", b"PAR1\x15\0"), "is a Parquet file; write it as CSV"),
    "UTF-16": (
        lone("fer2013.csv", "emotion,pixels,Usage\n".encode("utf-16")),
        "is text in UTF-16; save it as UTF-8",
    ),
    # pictures
    "no picture": (with_picture(b"GIF89a, or so"), f"{PICTURE} is no readable picture"),
    "empty picture": (with_picture(b""), f"{PICTURE} is no readable picture"),
    "cut picture": (with_picture(encoded(GREY)[:60]), f"{PICTURE} is no readable picture"),
    "other format": (with_picture(encoded(GREY, "GIF")), f"{PICTURE} is no readable picture"),
    "huge picture": (with_picture(bytes(2**20 + 1)), f"{PICTURE} is larger than 1,048,576 bytes"),
    "other size": (
        with_picture(encoded(Image.new("L", (48, 47)))),
        f"{PICTURE} is 48x47; FER2013's pictures are 48x48, .* take the original",
    ),
    "larger copy": (with_picture(encoded(Image.new("L", (224, 224)))), "is 224x224; .* resized"),
    "smaller copy": (with_picture(encoded(Image.new("L", (24, 24)))), "is 24x24; .* was resized"),
    "colour": (
        with_picture(encoded(Image.new("RGB", (48, 48), (9, 9, 8)))),
        rf"{PICTURE} is no grey picture \(mode RGB\); .* take the original",
    ),
    "palette of colours": (
        with_picture(encoded(Image.new("RGB", (48, 48), (9, 9, 8)).quantize())),
        r"is no grey picture \(mode P\)",
    ),
    "half transparent": (
        with_picture(encoded(Image.new("LA", (48, 48), (9, 128)))),
        r"is no grey picture \(mode LA\)",
    ),
    "16 bits": (
        with_picture(encoded(Image.new("I;16", (48, 48)))),
        r"is no grey picture \(mode I;16\)",
    ),
    "unknown class": (
        with_picture(encoded(GREY), "train/joy/Training_1.jpg"),
        "train/joy/Training_1.jpg: unknown class 'joy'; expected angry, disgust",
    ),
    "unknown prefix": (
        with_picture(encoded(GREY), "train/sad/image_1.jpg"),
        "image_1.jpg: the name does not begin with one of Training_, PublicTest_, PrivateTest_",
    ),
    "no prefix": (with_picture(encoded(GREY), "test/sad/7.png"), "7.png: the name does not begin"),
    "numbered class": (
        with_picture(encoded(GREY), "Training/0/7.png"),
        "Training/0/7.png: the class '0' is a number, and in which order they count",
    ),
    "validation folder": (
        with_picture(encoded(GREY), "images/validation/sad/Training_1.png"),
        "validation/sad/Training_1.png must lie in a folder train/",
    ),
    "other place": (
        with_picture(encoded(GREY), "logo.png"),
        "logo.png must lie in a folder train/",
    ),
    "empty class": (without_training, "has no training image of class disgust; FER2013 has"),
    "two copies": (two_copies, "holds 28 pictures twice"),
    "tree and table": (tree_and_table, "holds fer2013.csv and train/ and test/; set data.path to"),
    # tables
    "no usage": (
        lambda p: p.csv(header="emotion,pixels,split"),
        "fer2013.csv has no column usage; the columns must be emotion, pixels and Usage",
    ),
    "only a header": (
        lone("fer2013.csv", b"emotion,pixels,Usage\n"),
        "has no training image of class angry, disgust, fear, happy, neutral, sad, surprise",
    ),
    "short row": (with_row(1, PIXELS), "line 5: expected 2,304 pixels, found 2,303"),
    "long row": (with_row(1, f"{PIXELS} 7 7"), "line 5: expected 2,304 pixels, found 2,305"),
    "no pixels": (with_row(1, ""), "line 5: expected 2,304 pixels, found 0"),
    "words": (with_row(1, f"{PIXELS} x"), "line 5: pixels must be whole numbers"),
    "fractions": (with_row(1, f"0.5 {PIXELS}"), "line 5: pixels must be whole numbers"),
    "too bright": (with_row(1, f"{PIXELS} 256"), "line 5: pixels must lie in 0-255, found 7-256"),
    "negative": (with_row(1, f"-1 {PIXELS}"), "line 5: pixels must lie in 0-255, found -1-7"),
    "unknown code": (with_row(0, "7"), "line 5: unknown emotion '7'; expected 0 to 6"),
    "half a code": (with_row(0, "3.5"), "line 5: unknown emotion '3.5'; expected 0 to 6"),
    "unknown word": (with_row(0, "joy"), "line 5: unknown emotion 'joy'; .* or such a word"),
    "labels from 1": (labels_from_1, r"line \d: unknown emotion '7'; expected 0 to 6 \(0 angry"),
    "without neutral": (without_code("6"), "has no training image of class neutral"),
    "unknown usage": (with_row(2, "Test"), "line 5: unknown usage 'Test'; expected Training"),
    "missing field": (with_row(2, "Training,"), "line 5: expected 3 fields, found 4"),
    "cut csv": (lambda p: cut(p.csv(), 0.9), r"line \d+: expected 3 fields, found 2"),
    "no text": (
        lone("fer2013.csv", b"emotion,pixels,Usage\n0,\xff\xfe,Training\n"),
        "after line 1: no readable CSV",
    ),
}


@pytest.mark.parametrize(("make", "message"), CASES.values(), ids=CASES)
def test_bad_input_is_refused_in_one_clear_line(published, cache_folder, make, message):
    require_refused(published, cache_folder, make(published), message)


@pytest.mark.parametrize("path", [None, ""])
def test_no_path_at_all(path):
    with pytest.raises(DataError, match=r"data.path is not set: download .*msambare/fer2013"):
        fer2013.load(path)


def test_a_source_without_permission(published, monkeypatch):
    """Simulated, since a superuser may read everything."""
    source = published.csv()
    really = Path.open

    def guarded(self: Path, *args, **options):
        if self == source:
            raise PermissionError(13, "Permission denied", str(self))
        return really(self, *args, **options)

    monkeypatch.setattr(Path, "open", guarded)
    with pytest.raises(DataError, match=r"fer2013.csv: no permission to read it; make it readable"):
        fer2013.load(str(source))
