"""Bundles: recorded runs in one zip file, to reproduce them elsewhere.

A bundle holds ``manifest.json`` and a folder per run, ``0/``, ``1/`` and so on, with the files of
`ferlab.reproduce.recorded.ARTIFACTS` and ``run.json``. Reading one writes nothing to the disk and
executes nothing: names are only compared with those that are known, and no member is read beyond
the size that its kind may have.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import ferlab
from ferlab.errors import DataError
from ferlab.reproduce.recorded import ARTIFACTS, PREDICTIONS, RUN, Files, Recorded
from ferlab.tracking.run import CONFIG, IMAGES

FORMAT = 1
"""Of the files in a bundle; another is refused."""

MANIFEST = "manifest.json"

_NAMES = (*ARTIFACTS, RUN)
_MAX_RUNS = 100
_MAX_BYTES = {CONFIG: 2**20, MANIFEST: 2**20, PREDICTIONS: 2**27, IMAGES: 2**26}
_MAX_OTHER_BYTES = 2**24
_MAX_TOTAL_BYTES = 2**29
_UNPACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Others unpack a whole block at once, however large it is and whatever size was declared."""


def write_bundle(path: Path, runs: Sequence[Files]) -> None:
    """Make a bundle, there at once and whole.

    Raises:
        DataError: the path cannot be written, or something is there already.
    """
    members = {f"{i}/{name}": data for i, files in enumerate(runs) for name, data in files.items()}
    manifest = {
        "format": FORMAT,
        "ferlab": ferlab.__version__,
        "runs": len(runs),
        "files": {name: _digest(data) for name, data in members.items()},
    }
    members[MANIFEST] = json.dumps(manifest, indent=2).encode()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists():
            raise DataError(f"{path} is there already; remove it, or take another name")
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                # A fixed time: the same runs make the same bundle.
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        draft.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it is not there, or its folder is none
            draft.unlink()


def read_bundle(path: Path) -> list[Recorded]:
    """The runs in a bundle.

    Raises:
        DataError: it is no bundle, truncated, altered, or breaks a limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [Recorded.read(files) for files in _runs(archive)]
    except DataError as error:
        raise DataError(f"the bundle {path} cannot be used: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"the bundle {path} is truncated or no zip file: {error}") from error
    except OSError as error:
        raise DataError(f"the bundle {path} cannot be read: {error.strerror or error}") from error


def _runs(archive: zipfile.ZipFile) -> list[Files]:
    members = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in members or len(members) != len(archive.infolist()):
        raise DataError(f"it has no {MANIFEST}, or a name twice; ferlab export makes bundles")
    digests, count = _manifest(_member(archive, members.pop(MANIFEST), MANIFEST))
    if set(digests) != set(members):
        odd = sorted(set(digests) ^ set(members))[0]
        raise DataError(f"'{odd}' is not both in it and in its manifest")
    if sum(info.file_size for info in members.values()) > _MAX_TOTAL_BYTES:
        raise DataError(f"it unpacks to more than {_MAX_TOTAL_BYTES:,} bytes")
    runs: list[dict[str, bytes]] = [{} for _ in range(count)]
    for name, info in members.items():
        folder, _, file = name.partition("/")
        if file not in _NAMES or folder not in map(str, range(count)):
            raise DataError(f"'{name}' does not belong in a bundle")
        data = _member(archive, info, file)
        if _digest(data) != digests[name]:
            raise DataError(f"'{name}' was altered: its digest is not the manifest's")
        runs[int(folder)][file] = data
    return list(runs)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: str) -> bytes:
    limit = _MAX_BYTES.get(file, _MAX_OTHER_BYTES)
    if info.file_size > limit:
        raise DataError(f"'{info.filename}' unpacks to more than {limit:,} bytes")
    if info.compress_type not in _UNPACKED:
        raise DataError(
            f"'{info.filename}' is not packed with deflate; make the bundle with ferlab export"
        )
    with archive.open(info) as stream:
        return stream.read(limit + 1)  # zipfile stops at the size that was checked


def _manifest(data: bytes) -> tuple[dict[str, str], int]:
    """The digest of each file, and how many runs there are."""
    try:
        manifest = json.loads(data)
        version, count = manifest["format"], int(manifest["runs"])
        digests = {str(name): str(digest) for name, digest in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"its {MANIFEST} is damaged: {error!r}") from error
    if version != FORMAT:
        raise DataError(f"it has format {version}; this ferlab reads {FORMAT}")
    if not 1 <= count <= _MAX_RUNS:
        raise DataError(f"it has {count} runs; it can have 1-{_MAX_RUNS}")
    return digests, count


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
