"""The sweep as a whole: the study is opened, workers are launched, the end is told."""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from ferlab import hydra_private, paths, secrets
from ferlab.errors import Outage, RunEnded, TrackingError
from ferlab.outage import Patience, is_outage
from ferlab.recording import leftovers
from ferlab.signals import terminated
from ferlab.study.table import StudyTable, value_of
from ferlab.sweep import live, plan, studies
from ferlab.sweep.begin import open_run, require_own_name, require_same
from ferlab.sweep.launchers.launched import check_launcher, launch
from ferlab.sweep.left_over import left_runs
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.question import How, Question, pose
from ferlab.sweep.search.forecast import LONG, Forecast, forecast, may_be_long, rounds
from ferlab.sweep.studies import remember, view, view_with_runs
from ferlab.sweep.trial_code import tell_changed
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.liveness import left_locks
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.sweep.workers.worker import Task
from ferlab.text import pluralize
from ferlab.tracking import store, study_runs
from ferlab.tracking.pages.views import keep_views, page_of

_log = logging.getLogger("ferlab")


def sweep(
    context: HydraContext,
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
    how: How,
) -> SweepResult | Forecast:
    """Open the study, launch the workers, and say how it ended; or say what it would take.

    Args:
        context: Hydra's.
        config: composed from what is not swept.
        params: see `ferlab.sweep.search.syntax.parse`.
        when: see `ferlab.sweep.search.syntax.parse`.
        arguments: the command line's overrides, swept ones among them.
        how: to go about it.

    Raises:
        FerlabError: the config, the space or the study cannot be used.
    """
    question, shared = pose(config, params, when, arguments, how)
    workers = plan.workers(question.settings, question.budget, question.first.trainer.device)
    if how.plans:
        return foresee(question, workers)
    if (begun := _begun(question)) is not None:
        require_same(question.study, begun.user_attrs.get("about"), question.asked)
    runs = rounds(_left(question, begun), workers) * question.settings.replicates
    if may_be_long(question.first, question.trained, runs):
        _log.info("measures a little training, to say what all of it takes")
        foreseen = foresee(question, workers)
        for line in foreseen.brief() if foreseen.seconds > LONG else ():
            _log.info("%s", line)
    result = run(context, config, question, shared)
    patience = Patience(60 * question.settings.patience if result.is_over else 0, _say)
    patience.call(partial(_record, result))
    own = question.study if how.new else None
    return replace(result, again=plan.format_command(config, arguments, own, here=True))


def foresee(question: Question, workers: int) -> Forecast:
    """What is left of a study to train, and what it will be able to tell.

    Raises:
        FerlabError: the data or a config cannot be used.
    """
    return forecast(
        question.study,
        question.settings,
        question.space,
        question.configs,
        trials=question.budget,
        left=_left(question, _begun(question)),
        workers=workers,
        device=question.first.trainer.device,
        images=question.scored,
    )


def _begun(question: Question) -> optuna.Study | None:
    """The study as it is kept, which takes a second where it is large; None if it is not there."""
    try:
        return studies.open_study(question.study, question.settings.storage)
    except TrackingError:
        return None


def _left(question: Question, begun: optuna.Study | None) -> int:
    """How many trials of a study, which may have begun, are not trained yet."""
    if begun is None:
        return question.budget
    try:
        table = view(begun)
    except TrackingError:  # another command is just beginning it
        return question.budget
    return max(0, question.budget - len(table.complete) - len(table.of("pruned")))


def run(
    context: HydraContext, config: DictConfig, question: Question, shared: Sequence[str] = ()
) -> SweepResult:
    """Open a study, launch its workers, and wait for them.

    Args:
        context: Hydra's.
        config: names the launcher.
        question: the study.
        shared: overrides of every worker's job.

    Raises:
        FerlabError: the study cannot be used.
    """
    check_launcher(context, config)
    name, settings, budget = question.study, question.settings, question.budget
    space, configs, first = question.space, question.configs, question.first
    client, is_confirmation = store.connect(first.tracking.uri), "ferlab.confirms" in question.tags
    require_own_name(client, name, settings.storage, first.tracking.experiment, is_confirmation)
    study = SharedStudy(
        name, settings, space, question.is_feasible, budget, session=uuid.uuid4().hex
    )
    run_id = open_run(study, client, first, question.asked, question.tags)
    if question.start is not None:
        question.start.add_to(study.optuna)
        _log.info("from     %s", question.start.told)
    keep_views(client, run_id, question.views(study.key, run_id))
    outside.record_misfits(study.optuna, space)
    epochs, uri = plan.epochs(space, first), first.tracking.uri
    outside.enqueue(study.optuna, settings.enqueue)
    remember(study.optuna, settings, budget, epochs, question.command, uri)
    task = Task(
        study=name,
        config=settings,
        space=space,
        budget=budget,
        configs=configs,
        session=study.session,
        deadline=time.time() + 3600 * settings.hours if settings.hours else float("inf"),
        home=str(paths.home()),
        tells=not live.is_possible(),
        folder=str(Path.cwd()),
    )
    none = [f"++{key}=null" for key in secrets.ADDRESSES]  # a launcher may write a job's config
    jobs = [[*shared, *none]] * plan.workers(settings, budget, first.trainer.device)
    _log.info("space    %s", space.told(plan.LARGEST_GRID))
    if task.tells:
        done, at_a_time = study.counts().counted, pluralize(len(jobs), "worker")
        _log.info("study    %s: %d of %d trials count; %s", name, done, budget, at_a_time)
    if study.counts().counted < budget:
        if changed := tell_changed(study.optuna, first.targets()):
            _log.info("note     %s", changed)
    elif not is_confirmation:
        _log.info("note     all is trained; --new begins another study, more study.trials go on")
    deleted = studies.deleted_runs(study.optuna, client)

    def look() -> StudyTable:  # in the thread that shows it, so by a storage of that thread's own
        return view(studies.open_study(name, settings.storage), deleted)

    patience = Patience(60 * settings.patience, _say)
    ended: Sequence[JobReturn] = []
    interrupted = False
    try:
        with terminated(), live.show(look):
            ended = launch(context, task, config, jobs, study, patience)
    except KeyboardInterrupt:
        interrupted = True
    is_late = time.time() >= task.deadline
    return _conclude(study, question, run_id, interrupted, is_late, ended)


def _conclude(
    study: SharedStudy,
    question: Question,
    run_id: str,
    interrupted: bool,
    is_late: bool,
    ended: Sequence[JobReturn],
) -> SweepResult:
    """How the command ends, once its workers have.

    Raises:
        Outage: a store or the disk was away for too long, and something is left to do.
        RunEnded: it was interrupted, and the study cannot be looked at.
    """
    failed = [job for job in ended if job.status != JobStatus.COMPLETED]
    errors = list(map(hydra_private.error_of, failed))
    spent = next((error for error in errors if isinstance(error, Outage)), None)
    again = f"go on with: {question.command}"
    # What the workers have waited for is not waited for again; nor by who wants to end.
    patience = Patience(0 if spent or interrupted else 60 * study.config.patience, _say)
    try:
        patience.call(partial(_tidy, study, question.first.tracking.uri))
        result = patience.call(
            partial(_result, study, question, run_id, interrupted, is_late, _lines(errors))
        )
        if spent is None or result.is_over:
            return result
        run = study_runs.StudyRun(store.connect(result.uri), run_id)
        patience.call(partial(run.end, "KILLED", "interrupted", str(spent)))
    except Outage as away:
        if interrupted:
            raise RunEnded(f"interrupted; {away}; {again}", run_id, "interrupted") from away
        spent = spent or away
    raise Outage(f"{spent}; {again}") from spent


def _tidy(study: SharedStudy, uri: str | None) -> None:
    """Leave nothing over of workers that are gone."""
    client = store.connect(uri)
    for left in (
        *left_runs(study.optuna, client, study.liveness),
        *leftovers.of_runs(client),
        *left_locks(),
    ):
        try:
            left.remove()
        except TrackingError as error:  # this is not what the command is about
            if is_outage(error):
                raise


def _say(line: str) -> None:
    _log.info("%s", line)


def _lines(errors: Sequence[object]) -> list[str]:
    """What ended workers before their time, each error once."""
    lines = ["; ".join(str(error).split("\n  ")) or "unknown" for error in errors]
    return list(dict.fromkeys(lines))


def _result(
    study: SharedStudy,
    question: Question,
    run_id: str,
    interrupted: bool,
    is_late: bool,
    errors: list[str],
) -> SweepResult:
    counts, budget, uri = study.counts(), question.budget, question.first.tracking.uri
    failed = counts.failed > study.config.max_failures or (counts.failed and not counts.counted)
    is_over = counts.counted >= budget or not (interrupted or errors or counts.running)
    client = store.connect(uri)
    return SweepResult(
        table=view_with_runs(study.optuna, client),
        storage=study.config.storage,
        uri=uri,
        run_id=run_id,
        look=store.look(client.tracking_uri, page_of(client, run_id), study.name),
        counts=counts,
        is_over=is_over,
        too_many_failed=bool(failed),
        errors=errors,
        mistakes=[f"trial {t.number}: {t.user_attrs['why']}" for t in study.mistakes()],
        is_late=is_late,
        again=question.command,
    )


def _record(result: SweepResult) -> None:
    """Leave on the study's MLflow run how it stands: its counts and its best trial."""
    parent = study_runs.StudyRun(store.connect(result.uri), result.run_id)
    best = result.table.best
    parent.tell(
        result.metrics,
        result.table.question or "",
        (str(best.run_id), best.name, value_of(best)) if best else None,
    )
    parent.end(result.status, result.reason)
