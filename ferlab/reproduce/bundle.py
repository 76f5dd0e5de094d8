"""Bundles: recorded runs in one zip file, to reproduce them elsewhere.

A bundle holds ``manifest.json`` and a folder per run, ``0/``, ``1/`` and so on, with the files of
`ferlab.reproduce.recorded.ARTIFACTS` and ``run.json``. Reading one writes nothing to the disk and
executes nothing: names are only compared with those that are known, and no member is read beyond
the size that its kind may have.
"""

from collections.abc import Sequence
from pathlib import Path

from ferlab.errors import DataError
from ferlab.reproduce.recorded import ARTIFACTS, DIFF, OWN_DIFF, PREDICTIONS, RUN, Files, Recorded
from ferlab.text import shorten
from ferlab.tracking.run import CONFIG, IMAGES, MACHINE, SOURCES
from ferlab.untrusted import bounded, packed
from ferlab.untrusted.packed import MemberLimits, Packed

FORMAT = 1
"""Version of the bundle format; any other is refused."""

STUDIES = "studies.json"
"""What the bundle of a whole study has in it, and no other."""

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


def write_bundle(path: Path, runs: Sequence[Files]) -> None:
    """Write a bundle, whole or not at all.

    Raises:
        DataError: the path cannot be written, or something is there already.
    """
    members = (
        (f"{i}/{name}", data) for i, files in enumerate(runs) for name, data in files.items()
    )
    packed.write(path, {"format": FORMAT, "runs": len(runs)}, members)


def read_bundle(path: Path) -> list[Recorded]:
    """The runs in a bundle.

    Raises:
        DataError: it is no bundle, truncated, altered, or breaks a limit.
    """
    with packed.unpacked(path, _LIMITS) as bundle:
        with packed.told(path):
            _require_names(bundle)
        files = {name: bundle.read(name) for name in bundle.digests}
    with packed.told(path):
        count = int(bundle.manifest["runs"])
        runs = [_within(files, f"{i}/") for i in range(count)]
        _require_few(runs)
        return [Recorded.read(run) for run in runs]


def _largest(name: str) -> int:
    """The largest size of a member, in bytes."""
    if name == STUDIES:
        raise DataError("it has a whole study in it, which ferlab import takes")
    return _MAX_BYTES.get(name.partition("/")[2], _MAX_OTHER_BYTES)


_LIMITS = MemberLimits(_largest, total=2**27, times=0, directory=2**18)


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


def _require_names(bundle: Packed) -> None:
    """Refuse another format, a number of runs that cannot be, and files that do not belong."""
    version, count = bundle.format, bundle.manifest.get("runs")
    if version != FORMAT:
        told = shorten(repr(version), 20)
        raise DataError(f"it has format {told}; this ferlab reads {FORMAT}")
    if not isinstance(count, int) or not 1 <= count <= _MAX_RUNS:
        told = shorten(repr(count), 20)
        raise DataError(f"it has {told} runs; it can have 1-{_MAX_RUNS}")
    bundle.require_complete()
    for name in bundle.digests:
        folder, _, file = name.partition("/")
        if file not in _NAMES or folder not in map(str, range(count)):
            raise DataError(f"'{name}' does not belong in a bundle")


def _within(files: Files, folder: str) -> Files:
    """The files in a folder, by their names there."""
    return {n.removeprefix(folder): data for n, data in files.items() if n.startswith(folder)}
