"""Nothing that is not FER2013 gets in, and each refusal says why in one line."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data import fer2013, files
from ferlab.errors import DataError

PICTURE = "train/sad/Training_5.jpg"


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def extended(path: Path, name: str, content: bytes = b"x", mode: int = 0) -> Path:
    """A zip with one more member."""
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, content)
    return path


def patched(path: Path, offset: int, value: bytes) -> Path:
    """A zip whose last entry in the central directory says something else."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + offset : entry + offset + len(value)] = value
    path.write_bytes(content)
    return path


def tar_gz(folder: Path, name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> Path:
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, size, "/etc/passwd"
        archive.addfile(member, io.BytesIO(bytes(size)))
    return path


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


def without_training(published) -> Path:
    for name in [name for name in published.pictures if name.startswith("train/disgust/")]:
        del published.pictures[name]
    return published.zip()


def lone(name: str, content: bytes) -> Callable:
    def make(published) -> Path:
        (published.root / name).write_bytes(content)
        return published.root / name

    return make


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
UNKNOWN = "is not FER2013 in a known form: expected train/"
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
    "other zip": (lambda p: extended(p.root / "other.zip", "notes.txt"), UNKNOWN),
    "other tar.gz": (lambda p: tar_gz(p.root, "notes.txt", size=9), UNKNOWN),
    # archives
    "cut zip": (lambda p: cut(p.zip(), 0.7), "archive.zip cannot be unpacked .*cut short"),
    "cut tar.gz": (
        lambda p: cut(p.csv_tar(), 0.7),
        "fer2013.tar.gz cannot be unpacked .*cut short",
    ),
    "gzip of no tar": (lone("a.gz", b"\x1f\x8bnonsense"), "a.gz cannot be unpacked"),
    "password": (
        lambda p: patched(extended(p.zip(), "train/sad/x.jpg"), 8, b"\x01"),
        "is password-protected; give a copy without",
    ),
    "other packing": (
        lambda p: patched(extended(p.zip(), "train/sad/x.jpg"), 10, b"\x63"),
        "x.jpg is not packed with deflate",
    ),
    "climbing zip": (
        lambda p: extended(p.zip(), "train/../../escaped.jpg"),
        "'train/../../escaped.jpg' leads out of the archive",
    ),
    "absolute zip": (lambda p: extended(p.zip(), "/etc/x.jpg"), "'/etc/x.jpg' leads out"),
    "climbing zip by Windows' rules": (
        lambda p: extended(p.zip(), "..\\x.jpg"),
        r"x.jpg' leads out of the archive",
    ),
    "zip with a drive": (lambda p: extended(p.zip(), "C:\\x.jpg"), "leads out of the archive"),
    "zip with a link": (
        lambda p: extended(p.zip(), "train/sad/x.jpg", b"/etc/passwd", stat.S_IFLNK | 0o777),
        "train/sad/x.jpg is a link or device",
    ),
    "climbing tar": (lambda p: tar_gz(p.root, "../x.csv"), "'../x.csv' leads out"),
    "tar with a link": (lambda p: tar_gz(p.root, "x.csv", tarfile.SYMTYPE), "x.csv is a link"),
    "tar with a device": (lambda p: tar_gz(p.root, "x.csv", tarfile.CHRTYPE), "x.csv is a link or"),
    "zip bomb": (
        lambda p: extended(p.zip(), "train/sad/x.jpg", bytes(32 * 2**20)),
        "unpacks from .* do not trust it",
    ),
    "tar bomb": (
        lambda p: tar_gz(p.root, "x.csv", size=32 * 2**20),
        "unpacks from .* do not trust",
    ),
    # Its header promises 5 bytes of 32 MiB.
    "bomb with a lying header": (
        lambda p: patched(
            extended(p.zip(), "train/sad/x.jpg", bytes(32 * 2**20)), 24, b"\x05\x00\x00\x00"
        ),
        "cannot be unpacked .*CRC",
    ),
    # pictures
    "no picture": (with_picture(b"GIF89a, or so"), f"{PICTURE} is no readable JPEG or PNG"),
    "empty picture": (with_picture(b""), f"{PICTURE} is no readable JPEG or PNG"),
    "cut picture": (with_picture(encoded(GREY)[:60]), f"{PICTURE} is no readable JPEG or PNG"),
    "other format": (with_picture(encoded(GREY, "BMP")), f"{PICTURE} is no readable JPEG or PNG"),
    "huge picture": (with_picture(bytes(2**20 + 1)), f"{PICTURE} is larger than 1,048,576 bytes"),
    "other size": (
        with_picture(encoded(Image.new("L", (48, 47)))),
        f"{PICTURE} is 48x47 in mode L; expected 48x48",
    ),
    "colour": (
        with_picture(encoded(GREY.convert("RGB"), "JPEG")),
        f"{PICTURE} is 48x48 in mode RGB; expected 48x48 in 8-bit greyscale",
    ),
    "unknown class": (
        with_picture(encoded(GREY), "train/joy/Training_1.jpg"),
        "train/joy/Training_1.jpg: unknown class 'joy'; expected angry, disgust",
    ),
    "unknown prefix": (
        with_picture(encoded(GREY), "train/sad/image_1.jpg"),
        "image_1.jpg: unknown usage 'image'; expected Training, PublicTest, PrivateTest",
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
    source = make(published)
    before = {path: path.lstat().st_mtime_ns for path in published.root.rglob("*")}
    with pytest.raises(DataError, match=message) as caught:
        fer2013.load(str(source))
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    left = {path for path in published.root.rglob("*") if path not in before}
    assert left <= {cache_folder, *cache_folder.glob("*.lock")}


@pytest.mark.parametrize("path", [None, ""])
def test_no_path_at_all(path):
    with pytest.raises(DataError, match=r"data.path is not set: download .*msambare/fer2013"):
        fer2013.load(path)


def test_too_many_files(published, monkeypatch):
    monkeypatch.setattr(files, "MAX_MEMBERS", 27)
    for source in (published.zip(), published.folder()):
        with pytest.raises(DataError, match="holds more than 27 files"):
            fer2013.load(str(source))


def test_too_large_a_file(published, monkeypatch):
    monkeypatch.setattr(files, "MAX_MEMBER_BYTES", 1000)
    for source in (published.zip(), published.folder(), published.csv_tar(), published.csv()):
        with pytest.raises(DataError, match=r"has [\d,]+ bytes; no file of FER2013 exceeds 1,000"):
            fer2013.load(str(source))


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


@pytest.mark.parametrize("form", ["zip", "csv_tar", "csv_zip", "csv"])
def test_damage_anywhere_is_refused_or_harmless(published, form):
    source = getattr(published, form)()
    content = source.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(40):
        broken = bytearray(content)
        for position in random.integers(0, len(content), 3):
            broken[position] = random.integers(256)
        source.write_bytes(broken)
        try:
            assert len(fer2013._read(source)) == 28
        except DataError as error:
            assert "\n" not in str(error)
