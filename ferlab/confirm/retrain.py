"""Recorded configs trained again under other seeds: a sweep that searches nothing.

So it is as parallel, and as hard to kill, as any sweep.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ferlab.config import Config, check
from ferlab.config.compose import launching
from ferlab.config.problems import flatten
from ferlab.config.study import Constraints, check_study
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.errors import DataError
from ferlab.outage import Patience
from ferlab.study.params import Params
from ferlab.study.table import StudyTable
from ferlab.sweep import studies, sweeper
from ferlab.sweep.launchers.processes import cores, gpus
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.question import Question
from ferlab.sweep.search.constraints import Feasibility
from ferlab.sweep.search.space import grid_space
from ferlab.sweep.search.trial_configs import RecordedConfigs
from ferlab.sweep.studies import view
from ferlab.tracking import study_runs
from ferlab.tracking.entry import recorded_config
from ferlab.tracking.pages.study_views import param_of
from ferlab.tracking.pages.views import SavedView
from ferlab.tracking.store import Client
from ferlab.tracking.study_runs import StudyKey


@dataclass(frozen=True)
class Retraining:
    """What is trained again.

    Attributes:
        name: of the study that does it.
        search: name of a study that found the configs.
        of: what its name follows from: a study, or several that are called after it.
        question: that it answers, in words.
        objective: that it is scored by.
        split: that decides what it answers.
        arms: ids of the runs whose configs are taken, by the arms' names.
        seeds: all that there may be.
        points: to be trained by now, in order: an ``arm`` and a ``seed`` each.
        about: what the study is, which may not change while it goes on.
        command: what to type to go on with it.
        views: its views in the MLflow UI, given the params that the search swept, its key and its
            MLflow run's id.
    """

    name: str
    search: str
    of: str
    question: str
    objective: str
    split: Split
    arms: Mapping[str, str]
    seeds: Sequence[int]
    points: tuple[Params, ...]
    about: Mapping[str, Any]
    command: str
    views: Callable[[Sequence[str], StudyKey, str], Mapping[str, SavedView]]


_PLAIN: Mapping[str, Any] = {
    "trials": None,
    "hours": None,
    "replicates": 1,
    "seed_halving": False,
    "constraints": Constraints(parameters=None, multiply_adds=None),
    "baseline": None,
    "points": None,
    "enqueue": [],
}
"""Settings of a study that trains a list of points once, whatever the user's defaults are."""


def asked(
    client: Client,
    what: Retraining,
    storage: str | None,
    workers: int | None,
    config: DictConfig,
    uri: str | None,
) -> Question:
    """What is to be trained again, as a sweep's question; nothing is begun.

    Args and errors are those of `retrain`; ``config`` is what `launching` composed.
    """
    recorded = {name: _config(client, run_id, uri) for name, run_id in what.arms.items()}
    first = check(next(iter(recorded.values())))
    images, _ = prepare(first.data)
    if not (scored := len(images.indices(what.split))):
        split = what.split.name.lower()
        raise DataError(f"the data of the study '{what.search}' has no {split} images")
    defaults = check_study(OmegaConf.to_container(config.study, resolve=True))  # type: ignore[arg-type]
    settings = defaults.model_copy(
        update={
            "name": what.name,
            "question": what.question,
            "objective": what.objective,
            "workers": workers or _workers(first),
            "pruner": None,
            "storage": storage,
            **_PLAIN,
        }
    )
    configs = RecordedConfigs(recorded)
    space = grid_space({"seed": what.seeds, "arm": list(what.arms)})
    searched = view(studies.open_study(what.search, storage))
    return Question(
        study=what.name,
        settings=settings,
        space=replace(space, listed=what.points),
        configs=configs,
        is_feasible=Feasibility(settings.constraints, configs),
        budget=len(what.points),
        about={
            "study.question": what.question,
            "study.objective": what.objective,
            **what.about,
        },
        command=what.command,
        first=first,
        trained=len(images.indices(Split.TRAIN)),
        scored=scored,
        views=partial(what.views, _columns(searched, recorded)),
        tags={"ferlab.confirms": what.of},
    )


def retrain(
    client: Client,
    what: Retraining,
    storage: str | None,
    workers: int | None,
    overrides: Sequence[str],
    uri: str | None,
) -> SweepResult:
    """Train what is to be trained again, or go on with it.

    Args:
        client: of the tracking store.
        what: is trained.
        storage: where studies are kept; None for ferlab's home.
        workers: that train at a time; None for one per GPU, else as many as the cores have
            threads for.
        overrides: ``hydra/launcher=NAME`` and what that launcher takes.
        uri: of the tracking store.

    Raises:
        FerlabError: a config, the data or the study cannot be used.
    """
    context, config = launching(overrides)
    question = asked(client, what, storage, workers, config, uri)
    # By the device a worker gets its GPU, or none.
    shared = [f"trainer.device={question.first.trainer.device}"]
    result = sweeper.run(context, config, question, shared)
    seconds = 60 * question.settings.patience if result.is_over else 0
    parent = study_runs.StudyRun(client, result.run_id)

    def record() -> None:
        parent.tell(result.metrics, what.question, None)
        parent.end(result.status, result.reason)

    Patience.of_command(f"go on with: {what.command}", seconds).call(record)
    return result


def _columns(searched: StudyTable, recorded: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The params that show what the search swept, of which the arms' configs are ``recorded``."""
    every = {key for config in recorded.values() for key in flatten(config)}
    swept = dict.fromkeys(key for row in searched.rows for key in row.params)
    return list(dict.fromkeys(param_of(key, every) for key in swept if key != "seed"))


def _config(client: Client, run_id: str, uri: str | None) -> Mapping[str, Any]:
    """As it was recorded, to be trained in the store that is used here."""
    config = recorded_config(client, run_id)
    if isinstance(config.get("tracking"), dict):
        config["tracking"]["uri"] = uri
    return config


def _workers(config: Config) -> int:
    """As many as there are GPUs to train on, else as share the cores by the threads of a run."""
    threads = config.trainer.threads if isinstance(config.trainer.threads, int) else 2
    return len(gpus(config.trainer.device)) or max(1, cores() // threads)
