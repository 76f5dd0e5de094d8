"""What another study found, told to this one's sampler: a warm start."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from ferlab.errors import ConfigError
from ferlab.study.params import Params
from ferlab.sweep.search.space import Space, stored
from ferlab.sweep.workers.outside import is_own
from ferlab.text import pluralize

_LISTED = 4
"""Of what else was different, more than this is not listed."""


@dataclass(frozen=True)
class WarmStart:
    """What another study found, as trials of this one.

    Attributes:
        trials: each says in ``from`` whose it is.
        told: what they are, in a line.
    """

    trials: Sequence[FrozenTrial]
    told: str

    def add_to(self, study: optuna.Study) -> None:
        """Add those that the study does not have; they cost it no budget."""
        known = [trial.user_attrs.get("from") for trial in study.get_trials(deepcopy=False)]
        for trial in self.trials:
            if trial.user_attrs["from"] not in known:
                study.add_trial(trial)


def warm_start(space: Space, about: Mapping[str, Any], source: optuna.Study) -> WarmStart:
    """The complete trials of another study whose values are a point of this one's space.

    A value that one of the studies holds for all its trials may be swept in the other.

    Args:
        space: of the study that is to know of them.
        about: what that study is; see `ferlab.sweep.plan.describe_study`.
        source: the other study.

    Raises:
        ConfigError: the other study has other objectives, or no trial that fits.
    """
    theirs: Mapping[str, Any] = source.user_attrs.get("about", {})
    mine, other = (_objectives(a) for a in (about, theirs))
    if mine != other:
        raise ConfigError(
            f"the study '{source.study_name}' has another objective "
            f"({', '.join(other) or 'none'}), so its scores say nothing here"
        )
    complete = [t for t in source.get_trials(deepcopy=False) if _is_complete(t)]
    trials = [
        _copy(space, trial, params, [source.study_name, trial.number])
        for trial in complete
        if (params := _point(space, about, theirs, trial.user_attrs["params"])) is not None
    ]
    if not trials:
        raise ConfigError(f"no complete trial of the study '{source.study_name}' fits this space")
    of = pluralize(len(complete), "complete trial")
    told = f"{len(trials)} of {of} of '{source.study_name}' fit"
    differ = list(_differences(space, about, theirs))
    more = [f"{len(differ) - _LISTED} more"] if len(differ) > _LISTED else []
    if differ:
        told += f"; there, {', '.join([*differ[:_LISTED], *more])}"
    return WarmStart(trials, told)


def _objectives(about: Mapping[str, Any]) -> tuple[str, ...]:
    objective = about.get("study.objective", ())
    return (objective,) if isinstance(objective, str) else tuple(objective)


def _is_complete(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE and is_own(trial) and "params" in trial.user_attrs


def _point(
    space: Space, about: Mapping[str, Any], theirs: Mapping[str, Any], params: Params
) -> Params | None:
    """The point that has a trial's values; None if there is none in the space."""
    swept = {param.key for param in space.parameters}
    for key, value in params.items():
        if key not in swept and (key not in about or stored(about[key]) != value):
            return None
    given = {key: stored(theirs[key]) for key in swept if key in theirs} | params
    values = {param.key: given[param.key] for param in space.parameters if param.key in given}
    drawn = {p.key for p in space.parameters if p.is_drawn(values)}
    values = {key: value for key, value in values.items() if key in drawn}
    return None if space.problems(values) else space.params_of(values)


def _copy(space: Space, trial: FrozenTrial, params: Params, origin: list[Any]) -> FrozenTrial:
    return create_trial(
        params=params,
        distributions={p.key: p.distribution for p in space.parameters if p.key in params},
        values=trial.values,
        user_attrs={"from": origin},
    )


def _differences(
    space: Space, about: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[str]:
    """What of the configs was different for all trials, as ``trainer.max_epochs was 6, not 8``."""
    swept = tuple(param.key for param in space.parameters)
    for key in sorted(about.keys() & theirs.keys()):
        if about[key] != theirs[key] and not key.startswith(("study.", "space ", *swept)):
            yield f"{key} was {theirs[key]}, not {about[key]}"
