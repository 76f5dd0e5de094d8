"""A search's best against its baseline, under fresh seeds and on the test split, look by look.

The training for a look is a sweep itself, over arms and seeds, so it is as parallel and as hard to
kill. The test split is scored when all of it is done, and no model before; then each arm has its
verdict, or is trained on for the next look.
"""

import logging
import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ferlab import secrets
from ferlab.analysis.sequential.words import ruling_in_words
from ferlab.config import check
from ferlab.config.parts.data import TRAINED_ON
from ferlab.confirm import evidence, looks
from ferlab.confirm.choice import Choice, choose
from ferlab.confirm.evidence import Evidence, Runs
from ferlab.confirm.looks import Look
from ferlab.confirm.parts import read_predictions
from ferlab.confirm.retrain import Retraining, retrain
from ferlab.data.imageset import Split
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError, EvidenceError
from ferlab.outage import Patience
from ferlab.reproduce.evaluate import Evaluator
from ferlab.reproduce.ledger import SCORED_BY, is_scored
from ferlab.study.params import Params
from ferlab.sweep import studies
from ferlab.sweep.outcome import SweepResult
from ferlab.sweep.studies import uri_of, view
from ferlab.tracking import find, store
from ferlab.tracking.entry import recorded_config
from ferlab.tracking.pages.study_views import confirmation_views
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client

_log = logging.getLogger("ferlab")

_OTHERWISE = "another command"
"""What scored a model on the test split, if it was not its confirmation."""


@dataclass(frozen=True)
class Confirmation:
    """How a confirmation stands when the command ends.

    Attributes:
        choice: what it is of.
        training: how its last sweep ended; None if all runs had been trained before.
        missing: how many runs the next look lacks; 0 when all is over.
        evidence: None as long as a run is missing.
        client: of the store that has the runs.
    """

    choice: Choice
    training: SweepResult | None
    missing: int
    evidence: Evidence | None
    client: Client


def confirm(
    study: str,
    storage: str | None = None,
    best: int | None = None,
    looks_at: tuple[int, ...] | None = None,
    worth: float | None = None,
    against: int | None = None,
    workers: int | None = None,
    overrides: Sequence[str] = (),
    uri: str | None = None,
) -> Confirmation:
    """Train what was chosen under fresh seeds, or go on with it, look by look until all is settled.

    Args:
        study: the search.
        storage: where it is kept; None for ferlab's home.
        best: see `ferlab.confirm.choice.choose`.
        looks_at: see `ferlab.confirm.choice.choose`.
        worth: see `ferlab.confirm.choice.choose`.
        against: see `ferlab.confirm.choice.choose`.
        workers: that train at a time; None for one per GPU, else as many as the cores have
            threads for.
        overrides: ``hydra/launcher=NAME`` and what that launcher takes.
        uri: of the tracking store that has the search's runs; None for what the search recorded.

    Raises:
        FerlabError: the study cannot be confirmed, or its runs cannot be compared.
    """
    require_launcher(overrides)
    uri = uri or uri_of(studies.open_study(study, storage))
    client = store.connect(uri, make=False)
    choice = choose(client, study, storage, best, looks_at, worth, against)
    taken, training = evidence.looks_taken(client, choice, storage), None
    patience = Patience.of_command(f"go on with: {confirm_command(study, storage)}")
    while not looks.is_over(choice, taken):
        points = looks.wanted_points(choice, taken)
        if evidence.count_finished(choice, storage) < len(points):
            training = patience.call(
                partial(_train, client, choice, points, storage, workers, overrides, uri)
            )
        if missing := len(points) - evidence.count_finished(choice, storage):
            return Confirmation(choice, training, missing, None, client)
        look = patience.call(partial(_look, client, choice, taken, storage))
        _tell(choice, look)
        taken = (*taken, look)
    found = patience.call(partial(evidence.gather, client, choice, taken, storage))
    return Confirmation(choice, training, 0, found, client)


def _look(client: Client, choice: Choice, taken: Sequence[Look], storage: str | None) -> Look:
    """Score what was trained, judge it, and keep that."""
    runs = evidence.runs(client, choice, taken, storage)
    _require_one_data(choice, runs)
    _score(client, choice, runs)
    runs = evidence.runs(client, choice, taken, storage)
    first = runs[choice.arms[0].name][0]
    images, _ = prepare(check(recorded_config(client, first.run_id)).data)
    arms = {
        name: read_predictions(client, name, entries, "test", images.classes)
        for name, entries in runs.items()
    }
    digests = {
        name: tuple(entry.tags["ferlab.test.predictions.digest"] for entry in entries)
        for name, entries in runs.items()
    }
    look = looks.take(choice, taken, arms, digests)
    run_id = studies.open_study(choice.name, storage).user_attrs["run_id"]
    looks.record_look(client, run_id, look)
    return look


def _tell(choice: Choice, look: Look) -> None:
    for arm, ruling in look.rulings.items():
        _log.info("judged   %s: %s", arm, ruling_in_words(choice.plan, look.number, ruling))


def _train(
    client: Client,
    choice: Choice,
    points: tuple[Params, ...],
    storage: str | None,
    workers: int | None,
    overrides: Sequence[str],
    uri: str | None,
) -> SweepResult:
    what = retraining(choice, points, storage)
    return retrain(client, what, storage, workers, overrides, uri)


def retraining(choice: Choice, points: tuple[Params, ...], storage: str | None) -> Retraining:
    """What a confirmation trains by some look."""
    searched = view(studies.open_study(choice.study, storage))
    return Retraining(
        name=choice.name,
        search=choice.study,
        of=choice.study,
        question=f"Under fresh seeds and on the test split: {searched.question or choice.study}",
        objective="val/accuracy",
        split=Split.TEST,
        arms={arm.name: arm.run_id for arm in choice.arms},
        seeds=choice.seeds,
        points=points,
        about={"confirmation": choice.plain()},
        command=confirm_command(choice.study, storage),
        views=confirmation_views,
    )


def confirm_command(study: str, storage: str | None) -> str:
    """What to type to go on with a confirmation."""
    kept = [] if storage is None else ["--storage", secrets.seal(storage)]
    return shlex.join(["ferlab", "confirm", study, *kept])


def _score(client: Client, choice: Choice, runs: Runs) -> None:
    """Score each model on the test split, unless it has been; who did it is kept on its run."""
    evaluator = Evaluator(client)
    for entry in (entry for entries in runs.values() for entry in entries):
        if SCORED_BY not in entry.tags:
            by = _OTHERWISE if is_scored(entry) else choice.name
            Run(client, entry.run_id).log_summary({}, {SCORED_BY: by})
        evaluator.evaluate(find.resolve(client, entry.run_id), "test")


def _require_one_data(choice: Choice, runs: Runs) -> None:
    """Refuse runs whose data changed meanwhile; not what they were to be trained on instead."""
    alike: defaultdict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    for entry in (entry for entries in runs.values() for entry in entries):
        trained_on = tuple(map(entry.params.get, TRAINED_ON))
        alike[trained_on][entry.tags.get("ferlab.data.digest", "none")] += 1
    for digests in alike.values():
        if len(digests) > 1:
            told = " and ".join(f"{digest} ({n} runs)" for digest, n in digests.most_common())
            raise EvidenceError(
                f"the runs of '{choice.name}' cannot be compared, they were trained on different "
                f"data: digests {told}"
            )


def is_launchers(override: str) -> bool:
    """Whether it names the launcher, or is one of its settings."""
    return override.lstrip("+").startswith(("hydra/launcher=", "hydra.launcher."))


def require_launcher(overrides: Sequence[str]) -> None:
    """Refuse overrides that would change what was recorded.

    Raises:
        ConfigError: one is neither the launcher nor a setting of it.
    """
    for text in overrides:
        if not is_launchers(text):
            raise ConfigError(
                f"a confirmation trains recorded configs; of '{text}' only hydra/launcher= and "
                "hydra.launcher.KEY= may be given"
            )
