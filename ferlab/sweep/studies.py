"""Studies that were begun: found by name, and read as plain tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ferlab import paths
from ferlab.config.problems import did_you_mean
from ferlab.config.study import StudyConfig
from ferlab.errors import TrackingError
from ferlab.outage import WAITS
from ferlab.study.params import Params
from ferlab.study.table import BEFORE, OutsideRow, State, StudyTable, TrialRow
from ferlab.sweep.search.domains import domains_of
from ferlab.sweep.search.space import stored
from ferlab.sweep.trial_code import code_by_trial
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.identity import IDENTITY
from ferlab.sweep.workers.shared_study import said_by
from ferlab.sweep.workers.storage import exists, open_storage
from ferlab.tracking import find
from ferlab.tracking.place import where
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyKey

Study = optuna.Study
"""By this name for who passes one on: Optuna is imported in this room alone."""

NOT_BEGUN = "the study '{}' has not begun: its first command ended at once; give it again"

_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


def remember(
    study: optuna.Study,
    settings: StudyConfig,
    budget: int,
    epochs: int,
    command: str,
    uri: str | None = None,
) -> None:
    """Keep in the study what a table says beside its trials.

    Args:
        study: to be viewed later.
        settings: of the study.
        budget: how many trials are to count.
        epochs: of the longest run.
        command: that goes on with it.
        uri: of the tracking store that has its runs; None for the default.
    """
    frame = {
        "question": settings.question,
        "objectives": settings.objectives,
        "minimised": settings.minimised,
        "budget": budget,
        "epochs": epochs,
        "replicates": settings.replicates,
        "command": command,
        "listed": settings.points is not None,
        "store": where.noted(uri),
    }
    study.set_user_attr("frame", frame)


def resume_command(study: optuna.Study) -> str:
    """What to type to go on with the study."""
    command: str = study.user_attrs["frame"]["command"]
    return command


def uri_of(study: optuna.Study) -> str | None:
    """The tracking store that has the study's runs; None for the default.

    Raises:
        TrackingError: it has a password, so that the user must name it.
    """
    return where.recalled(study.user_attrs.get("frame", {}).get("store"))


def view(study: optuna.Study, deleted: Collection[str] = ()) -> StudyTable:
    """The study as it stands.

    Args:
        study: that was begun.
        deleted: ids of trials' runs that are not there any more.

    Raises:
        TrackingError: its first command ended before there was anything to see.
    """
    attrs = study.user_attrs
    if "frame" not in attrs:
        raise TrackingError(NOT_BEGUN.format(study.study_name))
    frame = attrs["frame"]
    trials = study.get_trials(deepcopy=False)
    codes, moved = code_by_trial(attrs, trials), attrs.get("moved", {})
    return StudyTable(
        study=study.study_name,
        question=frame["question"],
        objectives=tuple(frame["objectives"]),
        minimised=tuple(frame["minimised"]),
        budget=frame["budget"],
        epochs=frame["epochs"],
        replicates=frame["replicates"],
        images=attrs.get("images"),
        rows=tuple(
            _row(trial, params, codes[trial.number], deleted)
            for trial in trials
            if "params" in trial.user_attrs
            and (params := outside.point_of(trial, moved)) is not None
        ),
        outside=tuple(
            _outside_row(trial, attrs.get("misfits", {}).get(str(trial.number), ""))
            for trial in trials
            if outside.is_result(trial)
            or outside.is_skipped(trial)
            or moved.get(str(trial.number), {}) is None
        ),
        changes=tuple(map(tuple, attrs.get("changes", ()))),
        waiting=len(outside.waiting(trials)),
        domains=domains_of(trials),
        baseline=_baseline(attrs.get("about", {})),
        is_listed=frame.get("listed", False),
        away=_away(attrs, trials),
    )


def _away(attrs: Mapping[str, Any], trials: Sequence[FrozenTrial]) -> tuple[str, ...]:
    """What the workers of running trials wait for, each line once."""
    workers = [t.user_attrs.get("worker", "") for t in trials if t.state == TrialState.RUNNING]
    lines = [attrs.get(said_by(worker), "") for worker in workers]
    return tuple(dict.fromkeys(line for line in lines if line.startswith(WAITS)))


def _outside_row(trial: FrozenTrial, misfit: str) -> OutsideRow:
    if outside.is_skipped(trial):
        values, why = outside.enqueued_values(trial), trial.user_attrs["skipped"]
        return OutsideRow(trial.number, "enqueued", values, None, why)
    if "params" in trial.user_attrs:
        params, scores = trial.user_attrs["params"], tuple(trial.values or ())
        return OutsideRow(trial.number, BEFORE, params, scores or None, "its point was dropped")
    source = trial.user_attrs.get("from")
    origin = f"trial {source[1]} of {source[0]}" if source else "added from elsewhere"
    return OutsideRow(trial.number, origin, trial.params, tuple(trial.values), misfit)


def view_with_runs(study: optuna.Study, client: Client) -> StudyTable:
    """The study as it stands, with what was deleted of its runs since.

    Args:
        study: that was begun.
        client: of the tracking store that has its runs.

    Raises:
        TrackingError: see `view`; or the store cannot be read.
    """
    table = view(study)
    return _marked(table, _deleted_runs(study, table, client))


def deleted_runs(study: optuna.Study, client: Client) -> set[str]:
    """The ids of complete trials' runs that were deleted, themselves or a seed of theirs."""
    return _deleted_runs(study, view(study), client)


def _deleted_runs(study: optuna.Study, table: StudyTable, client: Client) -> set[str]:
    ids = {row.run_id for row in table.complete if row.run_id is not None}
    if not ids:
        return ids
    tags = study_key(study).tags
    deleted = ids & find.deleted_trials(client, tags)
    best = _marked(table, deleted).best
    if best is None or find.is_recorded(client, str(best.run_id)):
        return deleted
    return ids - find.whole_trials(client, tags)  # some are gone for good


def _marked(table: StudyTable, deleted: Collection[str]) -> StudyTable:
    """The table, with what was deleted told."""
    if not deleted:
        return table
    rows = (replace(row, is_deleted=row.run_id in deleted) for row in table.rows)
    return replace(table, rows=tuple(rows))


def study_key(study: optuna.Study) -> StudyKey:
    """What the study's runs are known by."""
    return StudyKey(study.study_name, study.user_attrs.get(IDENTITY, ""))


def _baseline(about: Mapping[str, Any]) -> Params | None:
    """The declared baseline's point, from what the study is about."""
    prefix = "study.baseline."
    values = {k.removeprefix(prefix): v for k, v in about.items() if k.startswith(prefix)}
    return {key: stored(value) for key, value in values.items()} or None


def _row(
    trial: FrozenTrial, params: Params, codes: tuple[int, ...], deleted: Collection[str]
) -> TrialRow:
    attrs = trial.user_attrs
    started, ended = trial.datetime_start, trial.datetime_complete
    return TrialRow(
        number=trial.number,
        state=_STATES[trial.state],
        params=params,
        name=attrs.get("name", ""),
        values=tuple(trial.values) if trial.state == TrialState.COMPLETE else None,
        replicates=tuple(attrs.get("scores", ())),
        epochs=trial.intermediate_values
        or {int(epoch): value for epoch, value in attrs.get("epochs", {}).items()},
        why=attrs.get("why", ""),
        run_id=attrs.get("run_id"),
        started=started.timestamp() if started else 0.0,
        ended=ended.timestamp() if ended else None,
        beside=attrs.get("beside"),
        is_deleted=attrs.get("run_id") in deleted,
        codes=codes,
    )


def is_begun(name: str, storage: str | None) -> bool:
    """Whether there is a study of this name, and anything in it."""
    try:
        return exists(storage, name) and "about" in open_study(name, storage).user_attrs
    except TrackingError:  # its first command was killed at once
        return False


def open_study(name: str, storage: str | None) -> optuna.Study:
    """A study that was begun.

    Args:
        name: of the study.
        storage: a database's URL; None for ferlab's home.

    Raises:
        TrackingError: there is none of this name, or nothing in it.
    """
    if not exists(storage, name):
        known = [path.stem for path in (paths.home() / "studies").glob("*.log")]
        hint = did_you_mean(name, known) if storage is None and known else "none was begun there"
        raise TrackingError(f"there is no study '{name}'; {hint}")
    try:
        return optuna.load_study(study_name=name, storage=open_storage(storage, name))
    except KeyError as error:  # its journal was made, and its maker killed at once
        raise TrackingError(NOT_BEGUN.format(name)) from error
