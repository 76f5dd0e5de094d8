"""The bundle of a study: what is in it, and how it is read, for anyone may have written it.

``studies.json`` has the study, and those that belong to it, ``runs/0.json`` and so on the runs, and
``files/DIGEST`` their files, each once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferlab.carry.words import read_configs
from ferlab.errors import DataError, FerlabError
from ferlab.reproduce.bundle import STUDIES
from ferlab.sweep import studies as sweep_studies
from ferlab.sweep.workers import portable
from ferlab.sweep.workers.portable import CarriedStudy
from ferlab.text import shorten
from ferlab.tracking.carried.record import CarriedRun
from ferlab.tracking.entry import MADE_OF
from ferlab.tracking.run import CONFIG, MEMBERS
from ferlab.untrusted import bounded, packed
from ferlab.untrusted.packed import MANIFEST, MemberLimits, Packed

FORMAT = 1
"""Version of the format; any other is refused."""

_RUN = re.compile(r"runs/\d{1,5}\.json")
_FILE = re.compile(r"files/[0-9a-f]{32}")

_STUDY_PARTS = 2_000_000
"""Most values of JSON in all studies; a trial has some 100."""

_RUN_PARTS = 400_000
"""Most values of JSON in a run; one of 300 epochs has some 20,000."""

_ALL_PARTS = 4_000_000
"""Most values of JSON in all runs."""

_MAX_RUNS = 10_000

_Model = TypeVar("_Model", bound=BaseModel)


class RunFiles(NamedTuple):
    """The files of a run, by their paths.

    Attributes:
        artifacts: what it left behind.
        model: what its model is built of.
    """

    artifacts: Mapping[str, bytes]
    model: Mapping[str, bytes]


class Carried(NamedTuple):
    """What is in the bundle of a study.

    Attributes:
        studies: the study, and then those that belong to it.
        runs: of them, the eldest first.
        commit: of the ferlab that wrote it; empty if that is not known.
        digest: over all of it.
    """

    studies: tuple[CarriedStudy, ...]
    runs: tuple[CarriedRun, ...]
    commit: str
    digest: str


class _Studies(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    studies: list[CarriedStudy] = Field(min_length=1, max_length=1000)


def write_study(
    path: Path,
    studies: list[CarriedStudy],
    runs: Iterable[tuple[CarriedRun, RunFiles]],
    count: int,
    commit: str,
) -> None:
    """Write the bundle of a study, whole or not at all, and only if it can be read.

    Args:
        path: that is to be made.
        studies: the study, and those that belong to it.
        runs: of them, with their files; they are asked for as they are written.
        count: how many runs there are.
        commit: of this ferlab.

    Raises:
        DataError: the path cannot be written, something is there already, or a limit is broken.
    """
    about = {"format": FORMAT, "study": studies[0].name, "runs": count, "commit": commit}
    packed.write(path, about, _members(studies, runs), _prove)


def _prove(draft: Path) -> None:
    with packed.unpacked(draft, LIMITS) as bundle:
        read_study(bundle)


def _members(
    studies: list[CarriedStudy], runs: Iterable[tuple[CarriedRun, RunFiles]]
) -> Iterator[tuple[str, bytes]]:
    yield STUDIES, _Studies(studies=studies).model_dump_json().encode()
    written: set[str] = set()
    for i, (run, files) in enumerate(runs):
        for data in (*files.artifacts.values(), *files.model.values()):
            if (name := file_name(packed.digest(data))) not in written:
                written.add(name)
                yield name, data
        artifacts, model = (
            {path: packed.digest(data) for path, data in sorted(some.items())} for some in files
        )
        whole = run.model_copy(update={"artifacts": artifacts, "model": model})
        yield f"runs/{i}.json", whole.model_dump_json().encode()


def file_name(digest: str) -> str:
    """The member that has a file."""
    return f"files/{digest}"


def _largest(name: str) -> int:
    """The largest size of a member, in bytes."""
    if name in (STUDIES, MANIFEST):
        return 2**26
    if _RUN.fullmatch(name):
        return 2**24
    if _FILE.fullmatch(name):
        return 2**30
    if name == "0/config.yaml":
        raise DataError("it has runs in it, and no study: ferlab reproduce takes it")
    raise DataError(f"{shorten(name, 80)!a} does not belong in the bundle of a study")


LIMITS = MemberLimits(_largest, total=2**27, times=20, directory=2**22)
"""Of a study; its runs do not shrink to less than a third, so 20 times its size is no study."""


def read_study(bundle: Packed) -> Carried:
    """All that is in an open bundle, but for the contents of files, which are read once to be sure.

    Raises:
        DataError: it is not what `write_study` writes, or breaks a limit.
    """
    with packed.told(bundle.path):
        count, commit = _manifest(bundle)
        bundle.require_complete()
    told = bundle.read(STUDIES)
    with packed.told(bundle.path):
        studies = _parsed(STUDIES, told, _Studies, _STUDY_PARTS).studies
    runs, left = [], _ALL_PARTS
    for name in (f"runs/{i}.json" for i in range(count)):
        told = bundle.read(name)
        left -= bounded.json_parts(told)
        with packed.told(bundle.path):
            if left < 0:
                raise DataError(f"its runs have more than {_ALL_PARTS:,} values of JSON")
            runs.append(_parsed(name, told, CarriedRun, _RUN_PARTS))
    for name in bundle.digests:
        if _FILE.fullmatch(name):
            bundle.read(name)
    carried = Carried(tuple(studies), tuple(runs), commit, bundle.digest)
    with packed.told(bundle.path):
        _require_studies(carried)
        _require_own(carried)
        _require_files(carried, bundle)
    return carried


def _manifest(bundle: Packed) -> tuple[int, str]:
    """The number of runs, and the commit."""
    version, count = bundle.format, bundle.manifest.get("runs")
    if version != FORMAT:
        told = shorten(ascii(version), 20)
        raise DataError(f"it has format {told}; this ferlab reads {FORMAT}")
    if type(count) is not int or not 0 <= count <= _MAX_RUNS:
        told = shorten(ascii(count), 20)
        raise DataError(f"it has {told} runs; it can have {_MAX_RUNS:,}")
    if not re.fullmatch(r"[0-9a-f]{0,64}", commit := str(bundle.manifest.get("commit"))):
        raise DataError(f"{shorten(commit, 20)!a} is no commit")
    return count, commit


def _parsed(name: str, data: bytes, model: type[_Model], most: int) -> _Model:
    if bounded.json_parts(data) > most:
        raise DataError(f"{name} has more than {most:,} values of JSON")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ascii(shorten(".".join(map(str, first["loc"])), 80))[1:-1]
        raise DataError(f"{name} is damaged: {where}: {shorten(first['msg'], 80)}") from error


def _require_studies(carried: Carried) -> None:
    """Refuse studies that could not be shown."""
    if len({study.name for study in carried.studies}) < len(carried.studies):
        raise DataError("it has two studies of one name")
    for study in carried.studies:
        try:
            sweep_studies.view(portable.in_memory(study))
        except DataError:
            raise
        except (FerlabError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise DataError(
                f"its study '{study.name}' is damaged: {shorten(ascii(error), 80)}"
            ) from error


def _require_own(carried: Carried) -> None:
    """Refuse runs that would be those of other studies, or twice the same."""
    ids = {run.run_id for run in carried.runs}
    names = {study.name for study in carried.studies}
    identities = {study.identity for study in carried.studies}
    if len(ids) < len(carried.runs):
        raise DataError("it has a run twice")
    for run in carried.runs:
        tags = run.tags
        found = (
            tags.get("ferlab.study", min(names)) in names,
            tags.get("ferlab.study.id", min(identities)) in identities,
            ("ferlab.study" in tags) == ("ferlab.study.id" in tags),
            tags.get("mlflow.parentRunId", run.run_id) in ids,
            set(filter(None, tags.get(MADE_OF, "").split(","))) <= ids,
        )
        if not all(found):
            raise DataError(f"its run {run.run_id} is not one of its studies")


def _require_files(carried: Carried, bundle: Packed) -> None:
    for run in carried.runs:
        for path, digest in (*run.artifacts.items(), *run.model.items()):
            if bundle.digests.get(file_name(digest)) != digest:
                raise DataError(f"'{path}' of its run {run.run_id} is not in it")
            if path in (CONFIG, MEMBERS):
                read_configs(bundle.read(file_name(digest)))
