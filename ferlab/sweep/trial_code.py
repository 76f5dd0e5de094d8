"""By which code each trial of a study was trained, so that trials of one are not taken for another.

A trial keeps the digest of the code for each of its seeds, and the study what is behind a digest.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial

from ferlab import instantiate
from ferlab.text import join_words, pluralize
from ferlab.tracking import origin, sources

_SHOWN = 5
"""Of what has changed, more than this is not listed."""


def record_code(study: optuna.Study, trial: Trial, seed: int, targets: Collection[str]) -> None:
    """Keep the code that trains a trial.

    Args:
        study: that it belongs to.
        trial: that is being trained by this process.
        seed: which of its seeds is, from 0; they are trained in order.
        targets: of its config, imported by now.
    """
    code = origin.computing(targets)
    digest = sources.digest_of(code)
    if _key(digest) not in study.user_attrs:
        study.set_user_attr(_key(digest), code)
    trial.set_user_attr("code", [*trial.user_attrs.get("code", [])[:seed], digest])


def tell_changed(study: optuna.Study, targets: Collection[str]) -> str:
    """In a line, what of the code has changed since a study's last trial, and what that costs.

    Empty where nothing has changed.

    Args:
        study: that is to be gone on with.
        targets: of its first config, which the user vouches for.
    """
    trained = [trial for trial in study.get_trials(deepcopy=False) if "code" in trial.user_attrs]
    if not trained:
        return ""
    for target in targets:
        with suppress(Exception):  # what cannot be imported, its trials will tell
            instantiate.locate(target, targets)
    now = origin.computing(targets)

    def changes(trial: FrozenTrial) -> list[str]:
        return origin.what_differs(study.user_attrs[_key(_digests(trial)[-1])], now)

    if not (changed := changes(trained[-1])):
        return ""
    listed = ", ".join(changed[:_SHOWN]) + (" and more" if len(changed) > _SHOWN else "")
    told = f"the code that computes has changed since trial {trained[-1].number} ({listed})"
    begun = [trial for trial in trained if not trial.state.is_finished() and changes(trial)]
    if begun:
        left = join_words([f"trial {trial.number} after {_epochs(trial)}" for trial in begun])
        told += f"; what was left begins anew: {left}"
    return told


def code_by_trial(
    attrs: Mapping[str, Any], trials: Iterable[FrozenTrial]
) -> dict[int, tuple[int, ...]]:
    """The states of the code that trained each trial, numbered from 0, by the trial's number.

    Args:
        attrs: of the study.
        trials: of the study, by number.
    """
    states: list[dict[str, str]] = []
    numbers: dict[str, int] = {}
    for digest in dict.fromkeys(digest for trial in trials for digest in _digests(trial)):
        code = attrs[_key(digest)]
        same = (i for i, state in enumerate(states) if not origin.what_differs(state, code))
        numbers[digest] = next(same, len(states))
        if numbers[digest] == len(states):
            states.append({})
        states[numbers[digest]] |= code  # of own files, each trial has those of its config
    return {
        trial.number: tuple(dict.fromkeys(numbers[digest] for digest in _digests(trial)))
        for trial in trials
    }


def _digests(trial: FrozenTrial) -> list[str]:
    """Of the code that trained each of its seeds; none where that is not known."""
    digests: list[str] = trial.user_attrs.get("code", [])
    return digests


def _epochs(trial: FrozenTrial) -> str:
    """How far it has come."""
    reported = trial.user_attrs.get("epochs", trial.intermediate_values)
    return pluralize(max(map(int, reported), default=0), "epoch")


def _key(digest: str) -> str:
    return f"code {digest}"
