"""A space that is changed while its study goes on: by declaration, and with the trials that fit."""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial

from ferlab.errors import ConfigError
from ferlab.study.params import Params
from ferlab.sweep.search.space import Space, stored
from ferlab.sweep.workers.outside import is_own, is_withdrawn, point_of
from ferlab.sweep.workers.shared_study import SharedStudy

_BASELINE = "study.baseline."

_QUESTION = "study.question"

_SPACE = "space "
"""How the parameters begin in what is kept of a study; see `ferlab.sweep.plan.describe_study`."""


def changes(known: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, str]:
    """What is different, by key, as ``before -> after``."""
    keys = [key for key in {**known, **about} if known.get(key) != about.get(key)]
    return {key: f"{known.get(key)} -> {about.get(key)}" for key in keys}


def may_be_declared(known: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether all that is different is the values of parameters, and parameters that are new.

    What only some values bring along, such as the keys of a kind of attention, comes and goes
    with them. A new parameter must have had a value that all trials shared, the baseline among
    them. How the question is worded is free.
    """
    space = [key for key in changes(known, about) if key.startswith(_SPACE)]
    new = {key.removeprefix(_SPACE) for key in space if key not in known}
    others = [
        key
        for key in changes(known, about)
        if not (key in space or key in new or key == _QUESTION)
        and not (key.removeprefix(_BASELINE) in new and _is_shared(known, key, about.get(key)))
    ]
    return (
        bool(space)
        and all(key in about for key in space)
        and all(_when(known, key) == _when(about, key) for key in space if key in known)
        and new <= known.keys()
        and not any(key.startswith("study.") or (key in known and key in about) for key in others)
    )


def _is_shared(known: Mapping[str, Any], key: str, value: Any) -> bool:
    """Whether a value of the baseline is the one that all trials had."""
    return bool(stored(value) == stored(known.get(key.removeprefix(_BASELINE))))


def _when(about: Mapping[str, Any], key: str) -> str:
    """The condition of a parameter."""
    return str(about[key]).partition(" when ")[2]


def extend(
    study: SharedStudy, space: Space, known: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Go on with a study in another space: its trials get their points there, or drop out.

    Args:
        study: that is changed.
        space: from now on.
        known: what the study was.
        about: what it is from now on.

    Raises:
        ConfigError: a trial is being trained.
    """
    shared = {
        param.key: stored(known[param.key]) for param in space.parameters if param.key in known
    }
    optuna = study.optuna
    moved: dict[str, Params | None] = dict(optuna.user_attrs.get("moved", {}))
    trials = [
        trial
        for trial in optuna.get_trials(deepcopy=False)
        if is_own(trial) and not is_withdrawn(trial) and "params" in trial.user_attrs
    ]
    numbers = {t.user_attrs["worker"]: t.number for t in trials if not t.state.is_finished()}
    if (worker := study.liveness.still_there(numbers)) is not None:
        raise ConfigError(
            f"trial {numbers[worker]} of the study '{study.name}' is being trained; "
            "its space can be changed when no worker is there"
        )
    for trial in trials:
        moved[str(trial.number)] = _moved(space, trial, shared, moved)
    told = [f"{key.removeprefix(_SPACE)}: {text}" for key, text in changes(known, about).items()]
    optuna.set_user_attr("moved", moved)
    before: list[list[str]] = optuna.user_attrs.get("changes", [])
    optuna.set_user_attr("changes", [*before, told] if told not in before[-1:] else before)
    optuna.set_user_attr("about", dict(about))


def _moved(
    space: Space,
    trial: FrozenTrial,
    shared: Mapping[str, Any],
    moved: Mapping[str, Params | None],
) -> Params | None:
    """A trial's point in the space, with what it shared with all; None if it has none."""
    before = point_of(trial, moved)
    if before is None:
        return None
    values = space.draw(lambda param: {**shared, **before}.get(param.key, "???"))
    is_whole = before.keys() <= values.keys()
    return space.params_of(values) if is_whole and not space.problems(values) else None
