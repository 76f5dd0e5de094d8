"""Bundles: recorded runs in one zip file, to reproduce them elsewhere.

A bundle holds ``manifest.json`` and a folder per run, ``0/``, ``1/`` and so on, with the files of
`ferlab.reproduce.recorded.ARTIFACTS` and ``run.json``. Reading one writes nothing to the disk and
executes nothing: names are only compared with those that are known, and no member is read beyond
the size that its kind may have.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import ferlab
from ferlab.draft import drafted
from ferlab.errors import DataError
from ferlab.reproduce.recorded import ARTIFACTS, DIFF, OWN_DIFF, PREDICTIONS, RUN, Files, Recorded
from ferlab.text import shorten
from ferlab.tracking.run import CONFIG, IMAGES, MACHINE, SOURCES
from ferlab.untrusted import archive, bounded

FORMAT = 1
"""Version of the bundle format; any other is refused."""

MANIFEST = "manifest.json"

_NAMES = (*ARTIFACTS, RUN)
_JSON = (RUN, MACHINE, SOURCES)
_MAX_RUNS = 100
_MAX_BYTES = {
    CONFIG: bounded.CONFIG_BYTES,
    PREDICTIONS: 2**26,
    IMAGES: 2**26,
    RUN: 2**24,
    DIFF: 2**22,
    OWN_DIFF: 2**22,
}
_MAX_OTHER_BYTES = 2**18
_MAX_TOTAL_BYTES = 2**27
_MAX_DIRECTORY_BYTES = 2**18


def write_bundle(path: Path, runs: Sequence[Files]) -> None:
    """Write a bundle: a draft, which is renamed once it is complete.

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
    try:
        if path.exists():
            raise DataError(f"{path} is there already; remove it, or take another name")
        with drafted(path) as draft, zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as made:
            for name, data in members.items():
                # A fixed time: the same runs make the same bundle.
                made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def read_bundle(path: Path) -> list[Recorded]:
    """The runs in a bundle.

    Raises:
        DataError: it is no bundle, truncated, altered, or breaks a limit.
    """
    try:
        with path.open("rb") as file:
            members = archive.members(file, _check, _MAX_DIRECTORY_BYTES)
            files = {info.filename: stream.read() for info, stream in members}
        runs = _runs(files)
        _require_few(runs)
        return [Recorded.read(run) for run in runs]
    except DataError as error:
        raise DataError(f"the bundle {path} cannot be used: {error}") from error
    except (*archive.DAMAGED, RuntimeError) as error:  # the latter where it wants a password
        raise DataError(f"the bundle {path} is truncated or no zip file: {error}") from error
    except OSError as error:
        raise DataError(f"the bundle {path} cannot be read: {error.strerror or error}") from error


def _check(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse, by names and sizes, members that should not even be unpacked."""
    names = {info.filename for info in members}
    if MANIFEST not in names or len(names) != len(members):
        raise DataError(f"it has no {MANIFEST}, or a name twice; ferlab export makes bundles")
    for info in sorted(members, key=lambda info: info.filename != MANIFEST):
        file = info.filename.partition("/")[2] or info.filename
        limit = _MAX_BYTES.get(file, _MAX_OTHER_BYTES)
        if info.file_size > limit:
            raise DataError(f"'{shorten(info.filename, 80)}' unpacks to more than {limit:,} bytes")
        if not archive.is_bounded(info):
            raise DataError(
                f"'{info.filename}' is not packed with deflate; make the bundle with ferlab export"
            )
    if sum(info.file_size for info in members) > _MAX_TOTAL_BYTES:
        raise DataError(f"it unpacks to more than {_MAX_TOTAL_BYTES:,} bytes")


def _require_few(runs: Sequence[Files]) -> None:
    """Refuse what each of many runs may hold, and all of them together may not."""
    values = sum(bounded.json_parts(run.get(name, b"")) for run in runs for name in _JSON)
    cells = sum(bounded.table_cells(run.get(PREDICTIONS, b"")) for run in runs)
    for count, limit, what in (
        (values, bounded.JSON_PARTS, "values of JSON"),
        (cells, bounded.TABLE_CELLS, "values in tables of predictions"),
    ):
        if count > limit:
            raise DataError(f"it has more than {limit:,} {what}")


def _runs(members: dict[str, bytes]) -> list[Files]:
    digests, count = _manifest(members.pop(MANIFEST))
    if set(digests) != set(members):
        odd = sorted(set(digests) ^ set(members))[0]
        raise DataError(f"'{odd}' is not both in it and in its manifest")
    runs: list[dict[str, bytes]] = [{} for _ in range(count)]
    for name, data in members.items():
        folder, _, file = name.partition("/")
        if file not in _NAMES or folder not in map(str, range(count)):
            raise DataError(f"'{name}' does not belong in a bundle")
        if _digest(data) != digests[name]:
            raise DataError(f"'{name}' was altered: its digest is not the manifest's")
        runs[int(folder)][file] = data
    return list(runs)


def _manifest(data: bytes) -> tuple[dict[str, str], int]:
    """Digest of each file, by name, and number of runs."""
    try:
        manifest = bounded.read_json(data)
        version, count = manifest["format"], manifest["runs"]
        digests = {str(name): str(digest) for name, digest in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"its {MANIFEST} is damaged: {shorten(repr(error), 80)}") from error
    if version != FORMAT:
        told = shorten(repr(version), 20)
        raise DataError(f"it has format {told}; this ferlab reads {FORMAT}")
    if not isinstance(count, int) or not 1 <= count <= _MAX_RUNS:
        told = shorten(repr(count), 20)
        raise DataError(f"it has {told} runs; it can have 1-{_MAX_RUNS}")
    return digests, count


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
