"""A study that came in a bundle, put into a storage and a store; or nothing of it.

What an import that was killed has left counts as nothing: its runs have no tag of their study
before all of them are whole, and the study in Optuna is begun last. The next import of that study
removes it.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from ferlab import paths
from ferlab.carry.bundle import LIMITS, Carried, file_name, read_study
from ferlab.carry.words import changed_file, command_at, is_path, renamed, replaced, with_ids
from ferlab.errors import InUse, TrackingError
from ferlab.recording.leftovers import LeftOver
from ferlab.recording.work import is_free, locked
from ferlab.signals import terminated
from ferlab.sweep import studies
from ferlab.sweep.workers import portable
from ferlab.sweep.workers.portable import CarriedStudy
from ferlab.sweep.workers.storage import exists
from ferlab.text import pluralize, printable
from ferlab.tracking import store, study_runs
from ferlab.tracking.carried import restore
from ferlab.tracking.carried.record import CarriedRun
from ferlab.tracking.entry import KIND
from ferlab.tracking.place import where
from ferlab.tracking.run import IMPORTED
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import forget
from ferlab.untrusted import packed
from ferlab.untrusted.packed import Packed

_log = logging.getLogger("ferlab")


@dataclass(frozen=True)
class Arrived:
    """A study that was imported.

    Attributes:
        studies: names, the study's own first.
        runs: how many.
        models: how many of them have their model with them.
        command: what to type to go on with it.
    """

    studies: tuple[str, ...]
    runs: int
    models: int
    command: str


def import_study(path: Path, storage: str | None, files: Mapping[str, str]) -> Arrived:
    """Put the study in a bundle into this home, or a storage, and its runs into the store.

    Args:
        path: of the bundle, which anyone may have written.
        storage: where studies are kept; None for ferlab's home.
        files: where its data lies here, by keys of `ferlab.config.parts.data.FILES`; what is not
            named is taken to lie in the working directory.

    Raises:
        FerlabError: the bundle cannot be used, or a study of a name in it is there already; nothing
            was written then.
    """
    with packed.unpacked(path, LIMITS) as bundle:
        carried = read_study(bundle)
        names = tuple(study.name for study in carried.studies)
        client = store.connect(None)
        with _alone(names[0]), terminated():
            _require_free(client, names, storage)
            try:
                _put(_Place(client, storage, _origin(path, carried), files), carried, bundle)
            except BaseException:
                with suppress(TrackingError):  # or the next import does
                    _drop(client, names, storage)
                raise
    return Arrived(
        studies=names,
        runs=len(carried.runs),
        models=sum(bool(run.model) for run in carried.runs),
        command=command_at(carried.studies[0].user_attrs["frame"]["command"], storage),
    )


def left_over(client: Client) -> Iterator[LeftOver]:
    """What imports that were killed have left in a store, but not the last of their steps."""
    for run_id, name in restore.left_imports(client):
        if is_free(_work(name)):
            what = f"run {run_id} of an import of '{name}' that did not end"
            yield LeftOver(what, partial(forget, client, run_id))


@dataclass(frozen=True)
class _Place:
    """Where a study goes, and what is called otherwise there.

    Attributes:
        client: of the tracking store.
        storage: of the study; None for ferlab's home.
        origin: where it came from, in words.
        files: see `import_study`.
        ids: of runs and of studies, see `renamed`.
        experiments: ids of MLflow experiments, by the new ids of their runs.
    """

    client: Client
    storage: str | None
    origin: str
    files: Mapping[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    experiments: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """A text as it is there."""
        return with_ids(text, self.ids, self.experiments)

    def run(self, run: CarriedRun) -> CarriedRun:
        """A run as it is there; files are told of by their digests still."""
        plain = run.model_dump()
        words = {key: plain[key] for key in ("run_id", "params", "tags", "views")}
        new = {**plain, **replaced(words, self.text)}
        lying = {key: at for key, at in self.files.items() if is_path(run.params.get(key))}
        new["params"] |= lying
        new["tags"] |= {IMPORTED: f"run {run.run_id} of {self.origin}"}
        return CarriedRun.model_validate(new)

    def study(self, study: CarriedStudy) -> CarriedStudy:
        """A study as it is there."""
        plain = study.model_dump()
        plain["user_attrs"] = replaced(plain["user_attrs"], self.text)
        plain["trials"] = replaced(plain["trials"], self.text)
        frame = plain["user_attrs"]["frame"]
        command = command_at(frame["command"], self.storage)
        frame |= {"store": where.noted(None), "command": command}
        return CarriedStudy.model_validate(plain)

    def file(self, path: str, data: bytes) -> bytes:
        """An artifact as it is there."""
        return changed_file(path, data, self.text, self.files.get)


def _put(place: _Place, carried: Carried, bundle: Packed) -> None:
    """All of it; what counts comes last."""
    client, name = place.client, carried.studies[0].name
    _log.info("imports  %s of '%s'", pluralize(len(carried.runs), "run"), name)
    place.ids.update({study.identity: uuid4().hex for study in carried.studies})
    for run in carried.runs:
        new, experiment = restore.begin(client, run, name)
        place.ids.update(renamed(run.run_id, new))
        place.experiments[new] = experiment
    there = [place.run(run) for run in carried.runs]
    for run in there:
        _fill(place, run, bundle)
    studies_there = [place.study(study) for study in reversed(carried.studies)]
    made = [portable.restore(study, place.storage, place.origin) for study in studies_there]
    parents = [run for run in there if run.tags.get(KIND) == "study"]
    for run in there:
        if run not in parents:
            restore.publish(client, run, is_over=True)
    for run in parents:
        restore.publish(client, run, is_over=False)
    for study, of in zip(made, studies_there, strict=True):  # the study's own is the last
        portable.mark_begun(study, of)
    restore.end(client, name)


def _fill(place: _Place, run: CarriedRun, bundle: Packed) -> None:
    files = {
        path: place.file(path, bundle.read(file_name(digest)))
        for path, digest in run.artifacts.items()
    }
    with tempfile.TemporaryDirectory() as scratch:
        model = None
        if run.model:
            from ferlab.recording.record import serving_requirements  # noqa: PLC0415
            from ferlab.tracking import pyfunc_model  # noqa: PLC0415  torch takes seconds

            parts = {path: bundle.read(file_name(digest)) for path, digest in run.model.items()}
            model = Path(scratch, "model")
            pyfunc_model.save_parts(model, parts, serving_requirements())
        restore.fill(place.client, run, files, model)


def _require_free(client: Client, names: Sequence[str], storage: str | None) -> None:
    """Refuse a name that a study has; remove what an import of it that was killed has left."""
    if studies.is_begun(names[0], storage):
        restore.end(client, names[0])
    else:
        _drop(client, names, storage)
    for name in names:
        if exists(storage, name):
            raise TrackingError(
                f"there is a study '{name}' here already, so nothing was imported; "
                "FERLAB_HOME or --storage may name another place"
            )
    for name in names:
        study_runs.require_free_name(client, name, "nothing was imported")


def _drop(client: Client, names: Sequence[str], storage: str | None) -> None:
    """Remove what an import that did not end has left."""
    if studies.is_begun(names[0], storage):  # it did
        return
    is_left = restore.is_left(client, names[0])
    for name in names:
        portable.drop_half(name, storage, also_begun=is_left)
    restore.drop(client, names[0])


def _origin(path: Path, carried: Carried) -> str:
    """Where a study came from, in words."""
    commit = f"commit {carried.commit}" if carried.commit else "an unknown commit"
    now = datetime.now(UTC)
    return (
        f"{printable(path.name)} ({carried.digest}), imported {now:%Y-%m-%d %H:%M} UTC, "
        f"exported by ferlab of {commit}"
    )


def _work(name: str) -> Path:
    """The folder whose lock the import of a study has."""
    return paths.work(f"import-{name}")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Be the one who imports a study of this name into this home.

    Raises:
        TrackingError: another command is.
    """
    try:
        with locked(_work(name).name) as folder:
            try:
                yield
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except InUse as error:
        raise TrackingError(f"another command imports a study '{name}' just now") from error
