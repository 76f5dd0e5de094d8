"""What a confirmation takes, and what it could tell, before it begins."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ferlab.analysis.predictions import Predictions
from ferlab.analysis.sequential.words import plan_in_words
from ferlab.config.compose import launching
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, choose
from ferlab.confirm.confirm import require_launcher, retraining
from ferlab.confirm.retrain import asked
from ferlab.reproduce.recorded import PREDICTIONS
from ferlab.study.chance import foreseen_paired
from ferlab.study.objectives import format_difference
from ferlab.study.params import Params
from ferlab.sweep import studies, sweeper
from ferlab.sweep.studies import uri_of
from ferlab.text import pluralize
from ferlab.tracking import artifacts, store
from ferlab.tracking.store import Client


def foresee_confirmation(
    study: str,
    storage: str | None = None,
    best: int | None = None,
    looks_at: tuple[int, ...] | None = None,
    worth: float | None = None,
    against: int | None = None,
    workers: int | None = None,
    overrides: Sequence[str] = (),
) -> Iterator[str]:
    """Lines on what a confirmation would take, or what is left of it; nothing is begun.

    Args and errors are those of `ferlab.confirm.confirm.confirm`.
    """
    require_launcher(overrides)
    uri = uri_of(studies.open_study(study, storage))
    client = store.connect(uri, make=False)
    choice = choose(client, study, storage, best, looks_at, worth, against)
    configurations = pluralize(len(choice.arms), "configuration")
    yield f"study    {choice.name}: {configurations}; {plan_in_words(choice.plan)}"
    taken = evidence.looks_taken(client, choice, storage)
    if looks.is_over(choice, taken):
        yield "takes    nothing: all is settled"
        return
    every = [(seed, arm.name) for seed in choice.seeds for arm in choice.arms]
    points: tuple[Params, ...] = tuple({"seed": seed, "arm": arm} for seed, arm in every)
    _, config = launching(overrides)
    what = retraining(choice, points, storage)
    question = asked(client, what, storage, workers, config, uri)
    found = sweeper.foresee(question, int(question.settings.workers))
    yield found.measured()
    yield found.takes(" at most, for what is settled is trained no further")
    yield _tells(client, choice, question.scored)


def _tells(client: Client, choice: Choice, images: int) -> str:
    """By the validation images on which just one of the baseline and the best is right."""
    baseline, best = (_is_right(client, arm.run_id) for arm in choice.arms[:2])
    parted = float((baseline != best).mean())
    level = choice.plan.levels(len(choice.arms) - 1)
    least = [
        format_difference("val/accuracy", foreseen_paired(parted, images, seeds, bound), 1)
        for seeds, bound in zip(choice.plan.looks, level, strict=True)
    ]
    told = least[0]
    if len(least) > 1:
        told += f" at the first look and of {least[-1]} at the last"
    count = pluralize(images, "test image")
    return f"tells    with {count}, a true difference of {told}, four times of five"


def _is_right(client: Client, run_id: str) -> npt.NDArray[np.bool_]:
    """Of each validation image, whether a run reads it correctly; shape (n_val,)."""
    text = artifacts.read_files(client, run_id, [PREDICTIONS], [PREDICTIONS])[PREDICTIONS].decode()
    found = Predictions.read(text)
    return np.asarray(found.predicted == found.labels)
