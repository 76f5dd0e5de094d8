"""The sweep as a whole: the study is opened, workers are launched, the end is told."""

import logging
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from ferlab import hydra_private, paths
from ferlab.config import Config
from ferlab.config.problems import Problem, report
from ferlab.config.study import StudyConfig, check_study, study_problems
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError
from ferlab.study.table import value_of
from ferlab.sweep import live, plan, studies
from ferlab.sweep.begin import Asked, open_run, require_own_name
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.search import components
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.point_check import PointConfigs, check_points
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.trial_configs import ComposedConfigs, TrialConfigs
from ferlab.sweep.studies import remember, view, view_with_runs
from ferlab.sweep.trial_code import tell_changed
from ferlab.sweep.warm_start import WarmStart, warm_start
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.shared_study import SharedStudy
from ferlab.sweep.workers.worker import Task
from ferlab.text import pluralize
from ferlab.tracking import store, study_runs
from ferlab.tracking.pages.study_views import study_views
from ferlab.tracking.pages.views import SavedView, keep_views, page_of

_log = logging.getLogger("ferlab")


def sweep(
    context: HydraContext,
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
    new: bool,
    source: str | None = None,
    extends: bool = False,
) -> SweepResult:
    """Open the study, launch the workers, and say how it ended.

    Args:
        context: Hydra's.
        config: composed from what is not swept.
        params: see `ferlab.sweep.search.syntax.parse`.
        when: see `ferlab.sweep.search.syntax.parse`.
        arguments: the command line's overrides, swept ones among them.
        new: whether to begin another study where there is one of this name.
        source: a study whose results the sampler is told.
        extends: whether the space may be another than the study was begun with.

    Raises:
        FerlabError: the config, the space or the study cannot be used.
    """
    section: dict[str, Any] = OmegaConf.to_container(config.study, resolve=True)  # type: ignore[assignment]
    pinned, shared = plan.read_space(params, when, arguments)
    space = pinned.space
    all_params = plan.firsts(space)
    checked = PointConfigs(shared)
    firsts = [checked(params, study_problems(section)) for params in all_params]
    if firsts[0].model.classes == "auto":  # only the data can tell, and it tells for all trials
        images, _ = prepare(firsts[0].data, firsts[0].targets())
        shared = [*shared, f"model.classes={len(images.classes)}"]
        checked = PointConfigs(shared)
        firsts = [checked(params) for params in all_params]
    first = firsts[0]
    settings = check_study(section)
    settings = settings.model_copy(update={"baseline": pinned.baseline(settings.baseline)})
    if settings.replicates > 1 and any(param.key == "seed" for param in space.parameters):
        twice = Problem("seed", "is swept already; leave study.replicates at 1")
        raise ConfigError(report([twice]))
    settings = settings.model_copy(update={"enqueue": plan.enqueued(settings, pinned)})
    check_points(space, checked, settings.enqueue)
    configs = ComposedConfigs(tuple(shared))
    is_feasible = Feasibility(settings.constraints, configs)
    budget = plan.budget(settings, space, is_feasible)
    components.require(settings, space, budget)
    images, _ = prepare(first.data, first.targets())  # now, for all workers to find them decoded
    about = plan.describe_study(settings, space, firsts, images.digest)
    name = settings.name or plan.study_name(config, about)
    if new:
        taken = study_runs.study_names(store.connect(first.tracking.uri))
        name = plan.free_name(settings.storage, taken, name)

    command = plan.format_command(config, arguments, name if new else None)
    columns = plan.columns(space, firsts)
    views = partial(study_views, name, settings.objectives, columns, settings.replicates)
    question = Question(
        name, settings, space, configs, is_feasible, budget, about, command, first, views
    )
    again = plan.format_command(config, arguments, name if new else None, here=True)
    question = replace(question, extends=extends)
    if source is not None:
        question = replace(question, start=_warm_start(question, source))
    result = run(context, config, question, shared)
    _record(result)
    return replace(result, again=again)


def _warm_start(question: "Question", source: str) -> WarmStart:
    if question.settings.trials is None:
        text = "is required: without it no sampler goes by what --from tells it"
        raise ConfigError(report([Problem("study.trials", text)]))
    found = studies.open_study(source, question.settings.storage)
    return warm_start(question.space, question.about, found)


@dataclass(frozen=True)
class Question:
    """A study to be begun, or gone on with.

    Attributes:
        study: its name.
        settings: of the study.
        space: to search.
        configs: makes the trials' configs.
        is_feasible: which points may be chosen; what it has built is not built again.
        budget: trials that are to count.
        about: what the study is, flat: it may not change while the study goes on.
        command: what to type to go on with it.
        first: config of its first point.
        views: its views in the MLflow UI by their ids, given the id of its MLflow run.
        tags: of its MLflow run.
        start: what another study found.
        extends: whether the space may be another than the study was begun with.
    """

    study: str
    settings: StudyConfig
    space: Space
    configs: TrialConfigs
    is_feasible: Feasibility
    budget: int
    about: dict[str, Any]
    command: str
    first: Config
    views: Callable[[str], Mapping[str, SavedView]]
    tags: Mapping[str, str] = field(default_factory=dict)
    start: WarmStart | None = None
    extends: bool = False


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
    name, settings, budget = question.study, question.settings, question.budget
    space, configs, first = question.space, question.configs, question.first
    client, is_confirmation = store.connect(first.tracking.uri), "ferlab.confirms" in question.tags
    require_own_name(client, name, settings.storage, first.tracking.experiment, is_confirmation)
    study = SharedStudy(
        name, settings, space, question.is_feasible, budget, session=uuid.uuid4().hex
    )
    asked = Asked(question.about, budget, space, question.extends)
    run_id = open_run(study, client, first, asked, question.tags)
    if question.start is not None:
        question.start.add_to(study.optuna)
        _log.info("from     %s", question.start.told)
    keep_views(client, run_id, question.views(run_id))
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
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )
    jobs = [list(shared)] * plan.workers(settings, budget, first.trainer.device)
    _log.info("space    %s", space.told(plan.LARGEST_GRID))
    if task.tells:
        done, at_a_time = study.counts().counted, pluralize(len(jobs), "worker")
        _log.info("study    %s: %d of %d trials count; %s", name, done, budget, at_a_time)
    if study.counts().counted < budget:
        if changed := tell_changed(study.optuna, first.targets()):
            _log.info("note     %s", changed)
    elif not is_confirmation:
        _log.info("note     all is trained; --new begins another study, more study.trials go on")
    watched = studies.open_study(name, settings.storage)
    deleted = studies.deleted_runs(watched, client)
    ended: Sequence[JobReturn] = []
    interrupted = False
    try:
        with _terminated(), live.show(lambda: view(watched, deleted)):
            ended = launcher.launch(jobs, initial_job_idx=0)
    except KeyboardInterrupt:
        interrupted = True
    is_late = time.time() >= task.deadline
    return _result(study, question, run_id, interrupted, is_late, _errors(ended))


def _errors(ended: Sequence[JobReturn]) -> list[str]:
    """What ended workers before their time, each error once."""
    failed = [job for job in ended if job.status != JobStatus.COMPLETED]
    errors = map(hydra_private.error_of, failed)
    lines = ["; ".join(str(error).split("\n  ")) or "unknown" for error in errors]
    return list(dict.fromkeys(lines))


@contextmanager
def _terminated() -> Iterator[None]:
    """Let SIGTERM end the sweep as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
