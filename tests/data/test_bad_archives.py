"""No archive gets more out of ferlab than it should, and each refusal says why in one line."""

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferlab.data import fer2013
from ferlab.errors import DataError
from tests.data.refused import UNKNOWN, cut, lone, require_refused


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


def bomb_inside(published) -> Path:
    inner = extended(published.root / "inner.zip", "fer2013.csv", bytes(32 * 2**20))
    folder = published.root / "held"
    folder.mkdir()
    extended(folder / "outer.zip", "inner.zip", inner.read_bytes())
    return folder


def many_inside(published) -> Path:
    """Archives that are harmless one by one, and too much together."""
    inner = extended(published.root / "inner.zip", "fer2013.csv", bytes(15 * 2**20))
    outer = published.root / "outer.zip"
    for number in range(4):
        extended(outer, f"{number}.zip", inner.read_bytes())
    return outer


def sparse_tar(published) -> Path:
    """It holds nothing, and says that it unpacks to 100 MiB."""
    path = published.root / "sparse.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x.csv")
        member.pax_headers = {
            "GNU.sparse.map": "0,0",
            "GNU.sparse.size": str(100 * 2**20),
            "GNU.sparse.numblocks": "1",
        }
        archive.addfile(member)
    return path


CASES: dict[str, tuple[Callable, str]] = {
    "other zip": (lambda p: extended(p.root / "other.zip", "notes.txt"), UNKNOWN),
    "spreadsheet": (
        lambda p: extended(p.root / "fer2013.xlsx", "xl/workbook.xml"),
        "fer2013.xlsx is a spreadsheet; save it as CSV",
    ),
    "other tar.gz": (lambda p: tar_gz(p.root, "notes.txt", size=9), UNKNOWN),
    "cut zip": (lambda p: cut(p.zip(), 0.7), "archive.zip cannot be unpacked .*cut short"),
    "cut tar.gz": (
        lambda p: cut(p.csv_tar(), 0.7),
        "fer2013.tar.gz cannot be unpacked .*cut short",
    ),
    "gzip of nothing": (lone("a.gz", b"\x1f\x8bnonsense"), "a.gz cannot be unpacked"),
    "bzip2 of nothing": (lone("a.bz2", b"BZh9nonsense"), "a.bz2 cannot be unpacked"),
    "xz of nothing": (lone("a.xz", b"\xfd7zXZ\0nonsense"), "a.xz cannot be unpacked"),
    "cut csv.gz": (
        lambda p: cut(lone("fer2013.csv.gz", gzip.compress(p.csv().read_bytes()))(p), 0.7),
        "fer2013.csv.gz cannot be unpacked .*cut short",
    ),
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
    "gzip bomb": (
        lone("fer2013.csv.gz", gzip.compress(bytes(32 * 2**20))),
        UNKNOWN,
    ),
    "xz bomb of lines": (
        lone("fer2013.csv.xz", lzma.compress(b"emotion,pixels,Usage\n" + b"\n" * 32 * 2**20)),
        "unpacks from .* do not trust it",
    ),
    "bomb in an archive in a folder": (bomb_inside, "unpacks from .* do not trust it"),
    "bomb of many archives": (many_inside, "unpacks from .* do not trust it"),
    "climbing archive in an archive": (
        lambda p: extended(
            p.root / "outer.zip", "inner.zip", extended(p.root / "x.zip", "../x.csv").read_bytes()
        ),
        "'../x.csv' leads out of the archive",
    ),
    "sparse tar": (sparse_tar, "x.csv is a link or device; only plain files"),
    "bomb with a lying header": (
        lambda p: patched(
            extended(p.zip(), "train/sad/x.jpg", bytes(32 * 2**20)), 24, b"\x05\x00\x00\x00"
        ),
        "cannot be unpacked .*CRC",
    ),
}


@pytest.mark.parametrize(("make", "message"), CASES.values(), ids=CASES)
def test_bad_input_is_refused_in_one_clear_line(published, cache_folder, make, message):
    require_refused(published, cache_folder, make(published), message)


def test_too_many_files(published, monkeypatch):
    monkeypatch.setattr(fer2013, "LIMITS", replace(fer2013.LIMITS, members=27))
    for source in (published.zip(), published.folder()):
        with pytest.raises(DataError, match="holds more than 27 files"):
            fer2013.load(str(source))


def test_too_large_a_file(published, monkeypatch):
    monkeypatch.setattr(fer2013, "LIMITS", replace(fer2013.LIMITS, member_bytes=1000))
    for source in (published.zip(), published.folder(), published.csv_tar(), published.csv()):
        with pytest.raises(
            DataError, match=r"has [\d,]+ bytes; no file of a copy of FER2013 exceeds 1,000"
        ):
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
