"""What a sweep is to find out: everything that its command asks for, checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from omegaconf import DictConfig

from ferlab.config import Config
from ferlab.config.problems import Problem, report
from ferlab.config.study import StudyConfig, check_study, study_problems
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError
from ferlab.sweep import plan, studies
from ferlab.sweep.begin import Asked
from ferlab.sweep.search import components
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.point_check import PointConfigs, check_points
from ferlab.sweep.search.space import Space
from ferlab.sweep.search.trial_configs import ComposedConfigs, TrialConfigs
from ferlab.sweep.warm_start import WarmStart, warm_start
from ferlab.tracking import store, study_runs
from ferlab.tracking.pages.study_views import study_views
from ferlab.tracking.pages.views import SavedView
from ferlab.tracking.study_runs import StudyKey


@dataclass(frozen=True)
class How:
    """How a command goes about a sweep.

    Attributes:
        new: whether to begin another study where there is one of this name.
        source: a study whose results the sampler is told.
        extends: whether the space may be another than the study was begun with.
        plans: whether to say what it would take, and begin nothing.
    """

    new: bool = False
    source: str | None = None
    extends: bool = False
    plans: bool = False


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
        trained: number of training images.
        scored: number of images on which each run is scored in the end.
        views: its views in the MLflow UI by their ids, given its key and its MLflow run's id.
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
    trained: int
    scored: int
    views: Callable[[StudyKey, str], Mapping[str, SavedView]]
    tags: Mapping[str, str] = field(default_factory=dict)
    start: WarmStart | None = None
    extends: bool = False

    @property
    def asked(self) -> Asked:
        """What is asked of the study where it is kept."""
        return Asked(self.about, self.budget, self.space, self.extends)


def pose(
    config: DictConfig,
    params: Mapping[str, Any],
    when: Mapping[str, Any],
    arguments: Sequence[str],
    how: How,
) -> tuple[Question, list[str]]:
    """What a command asks for, and the overrides that all its jobs share; nothing is begun.

    Args:
        config: composed from what is not swept.
        params: see `ferlab.sweep.search.syntax.parse`.
        when: see `ferlab.sweep.search.syntax.parse`.
        arguments: the command line's overrides, swept ones among them.
        how: the command goes about it.

    Raises:
        FerlabError: the config or the space cannot be used.
    """
    section = plan.section_of(config)
    pinned, shared = plan.read_space(config, params, when, arguments)
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
    check_study({**section, "name": name})  # an experiment may be called as no study can be
    if how.new:
        taken = study_runs.study_names(store.connect(first.tracking.uri))
        name = plan.free_name(settings.storage, taken, name)

    command = plan.format_command(config, arguments, name if how.new else None)
    columns = plan.columns(space, firsts)
    question = Question(
        study=name,
        settings=settings,
        space=space,
        configs=configs,
        is_feasible=is_feasible,
        budget=budget,
        about=about,
        command=command,
        first=first,
        trained=len(images.indices(Split.TRAIN)),
        scored=len(images.indices(Split.VAL)),
        views=partial(study_views, settings.objectives, columns, settings.replicates),
        extends=how.extends,
    )
    if how.source is not None:
        question = replace(question, start=_warm_start(question, how.source))
    return question, shared


def _warm_start(question: Question, source: str) -> WarmStart:
    if question.settings.trials is None:
        text = "is required: without it no sampler goes by what --from tells it"
        raise ConfigError(report([Problem("study.trials", text)]))
    found = studies.open_study(source, question.settings.storage)
    return warm_start(question.space, question.about, found)
