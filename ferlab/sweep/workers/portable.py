"""A study as plain data, to be carried to another storage, and made of that again.

What only concerns the machine that it was on stays there: which worker trained what, and who was
heard of when.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import (
    CategoricalDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.trial import FrozenTrial, TrialState
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    FiniteFloat,
)

from ferlab.config.study import Objective, require_study_name
from ferlab.errors import DataError
from ferlab.optuna_private import name_objectives
from ferlab.sweep.workers import storage
from ferlab.sweep.workers.identity import IDENTITY
from ferlab.sweep.workers.storage import open_storage
from ferlab.text import shorten
from ferlab.tracking.carried.record import HOW, Hex

IMPORTED = "imported"
"""The attribute of a study that came from elsewhere, which it has before all others."""

ABOUT = "about"
"""The attribute that a study has once it is begun, and so the last that one gets that is made here;
see `ferlab.sweep.studies.is_begun`."""

_ELSEWHERE = "elsewhere"
"""Stands for the worker of a trial that was carried."""

_OF_WORKERS = ("heartbeat of ", "last line of ", "new owner of ")
"""Beginnings of attributes by which workers know of each other."""

Plain = str | bool | int | float | None
"""A value of a parameter."""


def _require_name(name: str) -> str:
    require_study_name(name)
    return name


class _Frame(BaseModel):
    """See `ferlab.sweep.studies.remember`."""

    model_config = HOW

    question: str | None
    objectives: list[Objective] = Field(min_length=1)
    minimised: list[bool] = Field(min_length=1)
    budget: int
    epochs: int
    replicates: int
    command: str
    store: str | None
    listed: bool = False


class _StudyAttrs(BaseModel):
    """What a study that was begun has; the rest is Optuna's, or anyone's."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    identity: Hex
    run_id: Hex
    about: dict[str, Any]
    frame: _Frame


class _TrialAttrs(BaseModel):
    """What a trial may have."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    params: dict[str, Plain] = Field(default_factory=dict)
    name: str = ""
    scores: list[float] = Field(default_factory=list)
    why: str = ""
    run_id: Hex = "0" * 32
    worker: str = ""


def _require_of_study(attrs: dict[str, Any]) -> dict[str, Any]:
    _StudyAttrs.model_validate(attrs)
    return attrs


def _require_of_trial(attrs: dict[str, Any]) -> dict[str, Any]:
    _TrialAttrs.model_validate(attrs)
    return attrs


class CarriedTrial(BaseModel):
    """A trial; times are in ISO 8601, distributions as Optuna writes them."""

    model_config = HOW

    state: Literal["COMPLETE", "PRUNED", "FAIL", "WAITING"]
    values: list[FiniteFloat] | None
    started: str | None
    ended: str | None
    params: dict[str, Plain]
    distributions: dict[str, str]
    user_attrs: Annotated[dict[str, Any], AfterValidator(_require_of_trial)]
    system_attrs: dict[str, Any]
    epochs: list[tuple[int, float]]


class CarriedStudy(BaseModel):
    """A study; its trials are in order."""

    model_config = HOW

    name: Annotated[str, AfterValidator(_require_name)]
    directions: list[Literal["minimize", "maximize"]] = Field(min_length=1, max_length=10)
    metric_names: list[str] | None
    user_attrs: Annotated[dict[str, Any], AfterValidator(_require_of_study)]
    trials: Annotated[list[CarriedTrial], FailFast()]

    @property
    def identity(self) -> str:
        """See `ferlab.sweep.workers.identity`."""
        return str(self.user_attrs[IDENTITY])


def trained_by(study: optuna.Study) -> dict[int, str]:
    """Who trains the trials that have not ended, by their numbers."""
    running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    return {trial.number: str(trial.user_attrs.get("worker", "")) for trial in running}


def carried_study(study: optuna.Study) -> CarriedStudy:
    """A study on which nobody works.

    A trial whose worker is gone is withdrawn, so that another takes its place in the budget.
    """
    return CarriedStudy(
        name=study.study_name,
        directions=["maximize" if d.name == "MAXIMIZE" else "minimize" for d in study.directions],
        metric_names=study.metric_names,
        user_attrs=_without_workers(study.user_attrs),
        trials=[_taken(trial) for trial in study.get_trials(deepcopy=False)],
    )


def _taken(trial: FrozenTrial) -> CarriedTrial:
    attrs, is_left = _without_workers(trial.user_attrs), trial.state == TrialState.RUNNING
    if attrs.get("worker"):
        attrs["worker"] = _ELSEWHERE
    if is_left:
        attrs["withdrawn"] = True
    ended = trial.datetime_complete or (trial.datetime_start if is_left else None)
    return CarriedTrial(
        state="FAIL" if is_left else trial.state.name,  # type: ignore[arg-type]
        values=None if is_left or trial.values is None else list(trial.values),
        started=_text(trial.datetime_start),
        ended=_text(ended),
        params=trial.params,
        distributions={k: distribution_to_json(d) for k, d in trial.distributions.items()},
        user_attrs=attrs,
        system_attrs=dict(trial.system_attrs),
        epochs=sorted(trial.intermediate_values.items()),
    )


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _without_workers(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attrs.items() if not key.startswith(_OF_WORKERS)}


def in_memory(carried: CarriedStudy) -> optuna.Study:
    """The study in memory, to see whether it is one.

    Raises:
        DataError: Optuna knows none such.
    """
    try:
        study = _made(carried, optuna.storages.InMemoryStorage())
        for key, value in carried.user_attrs.items():
            study.set_user_attr(key, value)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise DataError(
            f"its study '{carried.name}' is damaged: {shorten(ascii(error), 80)}"
        ) from error
    return study


def restore(carried: CarriedStudy, url: str | None, origin: str) -> optuna.Study:
    """The study in a storage; it is not begun before `mark_begun` says so.

    Args:
        carried: that `in_memory` has made.
        url: of the storage; None for ferlab's home.
        origin: where it came from, in words.
    """
    study = _made(carried, open_storage(url, carried.name), origin)
    for key, value in carried.user_attrs.items():
        if key not in (ABOUT, IMPORTED):
            study.set_user_attr(key, value)
    return study


def mark_begun(study: optuna.Study, carried: CarriedStudy) -> None:
    """Have a restored study be one that was begun."""
    study.set_user_attr(ABOUT, carried.user_attrs[ABOUT])


def drop_half(name: str, url: str | None, *, also_begun: bool) -> None:
    """Remove what an import that did not end has left of a study; what is another's stays.

    Args:
        name: of the study.
        url: of the storage; None for ferlab's home.
        also_begun: whether one that was begun is a part of that import, too.
    """
    if not storage.exists(url, name):
        return
    try:
        attrs = optuna.load_study(study_name=name, storage=open_storage(url, name)).user_attrs
    except KeyError:  # the file was made, and nothing in it
        attrs = {}
    if not attrs or (IMPORTED in attrs and (also_begun or ABOUT not in attrs)):
        storage.remove(url, name)


def _made(
    carried: CarriedStudy, place: optuna.storages.BaseStorage, origin: str = ""
) -> optuna.Study:
    """The study with its trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=place, study_name=carried.name, directions=carried.directions
    )
    study.set_user_attr(IMPORTED, origin)
    if carried.metric_names is not None:
        name_objectives(study, carried.metric_names)
    for trial in carried.trials:
        study.add_trial(_frozen(trial))
    return study


def _frozen(trial: CarriedTrial) -> FrozenTrial:
    return FrozenTrial(
        number=-1,  # the storage counts them
        trial_id=-1,
        state=TrialState[trial.state],
        value=None,
        values=trial.values,
        datetime_start=_time(trial.started),
        datetime_complete=_time(trial.ended),
        params=dict(trial.params),
        distributions={key: _distribution(text) for key, text in trial.distributions.items()},
        user_attrs=dict(trial.user_attrs),
        system_attrs=dict(trial.system_attrs),
        intermediate_values=dict(trial.epochs),
    )


def _distribution(text: str) -> optuna.distributions.BaseDistribution:
    """As Optuna writes it; a choice is a plain value."""
    found = json_to_distribution(text)
    if isinstance(found, CategoricalDistribution) and not all(
        isinstance(choice, Plain) for choice in found.choices
    ):
        raise ValueError("a choice is no plain value")
    return found
