"""A study taken out of its storage and its store, with all that belongs to it, into one file."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ferlab import paths
from ferlab.carry.bundle import RunFiles, write_study
from ferlab.carry.words import changed_file, command_at, folders_of, replaced, without_folders
from ferlab.confirm.choice import confirmation_name
from ferlab.errors import TrackingError
from ferlab.reproduce.ledger import is_scored
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.sweep import studies
from ferlab.sweep.studies import Study, study_key
from ferlab.sweep.workers import portable
from ferlab.sweep.workers.liveness import Liveness
from ferlab.sweep.workers.portable import CarriedStudy
from ferlab.tracking import artifacts, environment, store
from ferlab.tracking.carried import record
from ferlab.tracking.carried.record import CarriedRun
from ferlab.tracking.entry import MADE_OF, entry_of
from ferlab.tracking.run import CONFIG, MEMBERS
from ferlab.tracking.store import Client

_WEIGHTS = "checkpoints/"
_DRAWN = ("optuna.html",)
"""What a sweep draws again when it ends, and is large: it has a whole library in it."""


class Departed(NamedTuple):
    """What was put into a bundle.

    Attributes:
        studies: names, the study's own first.
        runs: how many.
        models: how many of them have their model with them.
        awaited: how many have it though none was asked for: a confirmation is yet to score them.
        lost: files without which a run cannot be reproduced, and that their store has lost.
    """

    studies: tuple[str, ...]
    runs: int
    models: int
    awaited: int
    lost: tuple[str, ...]


class _Leaving(NamedTuple):
    """A run that goes.

    Attributes:
        run: without its files.
        takes_model: whether its model goes, too.
        is_awaited: whether the study cannot be gone on with otherwise.
    """

    run: CarriedRun
    takes_model: bool
    is_awaited: bool


def pack_study(
    client: Client, name: str, storage: str | None, path: Path, *, models: bool
) -> Departed:
    """Put a study, and the studies that belong to it, into a bundle.

    Args:
        client: of the tracking store that has its runs.
        name: of the study.
        storage: where it is kept; None for ferlab's home.
        path: of the bundle.
        models: whether the weights go, too.

    Raises:
        FerlabError: somebody works on it, a store cannot be read, or the path cannot be written.
    """
    found = [studies.open_study(each, storage) for each in family(name, storage)]
    for study in found:
        _require_idle(study, storage)
    taken = [portable.carried_study(study) for study in found]
    leaving = list(_leaving(client, found, taken, models))
    folders = {k: v for one in leaving for k, v in folders_of(one.run.params).items()}
    shown = [_shown(study, folders) for study in taken]
    lost: list[str] = []

    def files_of(one: _Leaving) -> RunFiles:
        files = _files(client, one, models, folders)
        lost.extend(f"{path} of run {one.run.run_id}" for path in _lost(one.run, files))
        return files

    runs = ((_run(one, folders), files_of(one)) for one in leaving)
    state = environment.git_state(paths.shipped())
    write_study(path, shown, runs, len(leaving), (state and state.commit) or "")
    if [portable.carried_study(study) for study in found] != taken:
        path.unlink()
        raise TrackingError(f"somebody has begun to work on the study '{name}'; export it later")
    with_model = [one for one in leaving if one.takes_model]
    awaited = [one for one in with_model if one.is_awaited and not models]
    return Departed(
        tuple(study.name for study in taken),
        len(leaving),
        len(with_model),
        len(awaited),
        tuple(lost),
    )


def family(name: str, storage: str | None) -> list[str]:
    """The study, and the studies that were begun for it: its confirmation, and its repeats."""
    numbered = (f"{name}-repeat-{i}" for i in range(1, 1000))
    repeats = []
    for repeat in numbered:
        if not studies.is_begun(repeat, storage):
            break
        repeats.append(repeat)
    names = [name, *repeats, f"{name}-repeats"]
    every = [each for one in names for each in (one, confirmation_name(one))]
    return [each for each in every if studies.is_begun(each, storage)]


def _require_idle(study: Study, storage: str | None) -> None:
    liveness = Liveness(study, at_home=storage is None)
    numbers = {worker: number for number, worker in portable.trained_by(study).items()}
    if (worker := liveness.still_there(numbers)) is not None:
        raise TrackingError(
            f"trial {numbers[worker]} of the study '{study.study_name}' is being trained; a study "
            "can be exported when no worker is there"
        )


def _leaving(
    client: Client, found: Sequence[Study], taken: Sequence[CarriedStudy], models: bool
) -> Iterator[_Leaving]:
    """The runs of the studies, and what was made of them alone; the eldest first."""
    names = store.experiments(client, deleted=True)
    runs = {}
    for study in found:
        left = set(map(str, portable.trained_by(study)))
        for run in store.runs_with(client, study_key(study).tags, deleted=True):
            if run.data.tags.get("ferlab.trial") not in left:
                runs[run.info.run_id] = run
    for run in store.runs_with(client, {}, only=[f"tags.`{MADE_OF}` IS NOT NULL"]):
        is_over = run.info.status == "FINISHED"
        if is_over and set(run.data.tags[MADE_OF].split(",")) <= runs.keys():
            runs[run.info.run_id] = run
    confirming = {
        study.identity for study in taken if "confirmation" in study.user_attrs[portable.ABOUT]
    }
    for run in sorted(runs.values(), key=lambda run: (run.info.start_time, run.info.run_id)):
        one = record.carried_run(client, run, names[run.info.experiment_id])
        if one.tags.get("mlflow.parentRunId", one.run_id) not in runs:  # it is gone for good
            del one.tags["mlflow.parentRunId"]
        has_model = not one.is_deleted and artifacts.model_id(client, one.run_id) is not None
        is_awaited = (
            one.status == "FINISHED"
            and not is_scored(entry_of(run, one.experiment))
            and one.tags.get("ferlab.study.id") in confirming
        )
        yield _Leaving(one, has_model and (models or is_awaited), is_awaited)


def _shown(study: CarriedStudy, folders: Mapping[str, str]) -> CarriedStudy:
    """A study that tells of no folder and no address of this machine."""
    plain = replaced(study.model_dump(), partial(without_folders, folders=folders))
    frame = plain["user_attrs"]["frame"]
    frame |= {"store": None, "command": command_at(frame["command"], None)}
    return CarriedStudy.model_validate(plain)


def _run(one: _Leaving, folders: Mapping[str, str]) -> CarriedRun:
    """The same of a run."""
    plain = one.run.model_dump()
    words = {key: plain[key] for key in ("name", "params", "tags", "datasets", "views")}
    return CarriedRun.model_validate(
        {**plain, **replaced(words, partial(without_folders, folders=folders))}
    )


def _name(_: str, path: str) -> str:
    """What stands for where data lies: the file itself is not carried."""
    return Path(path).name


def _files(client: Client, one: _Leaving, models: bool, folders: Mapping[str, str]) -> RunFiles:
    run_id = one.run.run_id
    wanted = [
        path
        for path in artifacts.list_files(client, run_id)
        if path not in _DRAWN and (models or not path.startswith(_WEIGHTS))
    ]
    files = artifacts.read_files(client, run_id, wanted, ()) if wanted else {}
    change = partial(without_folders, folders=folders)
    kept = {path: changed_file(path, data, change, _name) for path, data in files.items()}
    model: dict[str, bytes] = {}
    if one.takes_model:
        from ferlab.tracking import pyfunc_model  # noqa: PLC0415  torch takes seconds

        with artifacts.model(client, run_id) as folder:
            model = pyfunc_model.parts(folder)
    return RunFiles(kept, model)


def _lost(run: CarriedRun, files: RunFiles) -> list[str]:
    """What a run that has predicted once had, for it to be reproduced, and has no more."""
    about = MEMBERS if MADE_OF in run.tags else CONFIG
    had = (about, PREDICTIONS) if "ferlab.predictions.digest" in run.tags else ()
    return [path for path in had if path not in files.artifacts]
