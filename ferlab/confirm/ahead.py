"""What a confirmation takes, and what it could tell, before it begins."""

from collections.abc import Iterator

from ferlab.analysis.predictions import Predictions
from ferlab.analysis.sequential.words import plan_in_words
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, choose
from ferlab.confirm.confirm import retraining
from ferlab.confirm.retrain import asked
from ferlab.study.chance import foreseen_paired
from ferlab.study.objectives import format_difference
from ferlab.study.params import Params
from ferlab.sweep import studies, sweeper
from ferlab.sweep.studies import uri_of
from ferlab.text import pluralize
from ferlab.tracking import artifacts, store
from ferlab.tracking.store import Client

_VAL = "predictions/val.csv"


def foresee_confirmation(
    study: str,
    storage: str | None = None,
    best: int | None = None,
    looks_at: tuple[int, ...] | None = None,
    worth: float | None = None,
    against: int | None = None,
    workers: int | None = None,
) -> Iterator[str]:
    """Lines on what a confirmation would take, or what is left of it; nothing is begun.

    Args and errors are those of `ferlab.confirm.confirm.confirm`.
    """
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
    question = asked(client, retraining(choice, points, storage), storage, workers, uri)
    found = sweeper.foresee(question, int(question.settings.workers))
    yield found.measured()
    yield found.takes(" at most, for what is settled is trained no further")
    yield _tells(client, choice, question.scored)


def _tells(client: Client, choice: Choice, images: int) -> str:
    """By the validation images on which just one of the baseline and the best is right."""
    first, second = (
        Predictions.read(artifacts.read_files(client, arm.run_id, [_VAL], [_VAL])[_VAL].decode())
        for arm in choice.arms[:2]
    )
    right = (each.predicted == each.labels for each in (first, second))
    parted = float((next(right) != next(right)).mean())
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
