"""What a file is, by its first bytes, whatever its name says."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import IO, Any

Opener = Callable[[IO[bytes]], Any]
"""Opens a compressed file, as a file of what it holds."""

_OPENERS: Mapping[bytes, Opener] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
"""By the first bytes of the file."""

_OFFICE = {".xlsx", ".xlsm", ".xls", ".ods"}
_PACKED = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"}

_UNPACK_IT = (
    "is a {} archive, which ferlab does not open; unpack it and set data.path to the folder"
)
_FOREIGN = {
    b"Rar!": _UNPACK_IT.format("RAR"),
    b"7z\xbc\xaf": _UNPACK_IT.format("7z"),
    b"(\xb5/\xfd": _UNPACK_IT.format("Zstandard"),
    b"PAR1": "is a Parquet file; write it as CSV, with pandas: "
    "pandas.read_parquet(FILE).to_csv('data.csv', index=False)",
    b"\xff\xfe": "is text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "is text in UTF-16; save it as UTF-8",
}
_BLOCK = 512
"""Size of a tar's header."""


def is_zip(file: IO[bytes], name: str) -> bool:
    """Whether it is a zip, but not an Office document, which is a zip as well."""
    return _head(file, 2) == b"PK" and not _is_office(name)


def opener(file: IO[bytes]) -> Opener | None:
    """What opens a file that is compressed by itself; None if it is not."""
    head = _head(file, 6)
    return next((opens for magic, opens in _OPENERS.items() if head.startswith(magic)), None)


def is_tar(file: IO[bytes]) -> bool:
    """Whether it begins with the header of a tar, whose checksum tells."""
    try:
        tarfile.TarInfo.frombuf(_head(file, _BLOCK), "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def may_be_archive(name: str) -> bool:
    """Whether a name is one that archives have, or says nothing."""
    return PurePosixPath(name).suffix.lower() in {"", *_PACKED}


def unpacked_name(name: str) -> str:
    """The name without the endings of archives: ``a/train.tar.gz`` -> ``a/train``."""
    path = PurePosixPath(name)
    while path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    return str(path)


def foreign(name: str, head: bytes) -> str | None:
    """What to do with a file of another program, by its name and first bytes; None for others."""
    if _is_office(name):
        return "is a spreadsheet; save it as CSV"
    return next((text for magic, text in _FOREIGN.items() if head.startswith(magic)), None)


def _is_office(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _OFFICE


def _head(file: IO[bytes], size: int) -> bytes:
    head = file.read(size)
    file.seek(0)
    return head
