"""The looks of a confirmation: each is taken once, kept as it was, and says what comes next."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ferlab.analysis.comparison.estimates import Estimate
from ferlab.analysis.comparison.paired import difference
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.ruling import Ruling, rule
from ferlab.confirm.choice import Choice
from ferlab.errors import EvidenceError
from ferlab.study.params import Params
from ferlab.tracking import artifacts
from ferlab.tracking.entry import recorded_status
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client

_CALLED = (Verdict.BETTER, Verdict.WORSE)


@dataclass(frozen=True)
class Look:
    """What one look came to.

    Attributes:
        number: which one of the plan's it is, from 1.
        seeds: that the arms had been trained under.
        rulings: on each arm that had not been settled before, by name.
        predictions: digests of the test predictions that it saw, in the order of the seeds, by
            the name of the arm or the baseline.
    """

    number: int
    seeds: tuple[int, ...]
    rulings: Mapping[str, Ruling]
    predictions: Mapping[str, tuple[str, ...]]

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def read(cls, text: str) -> "Look":
        """What `text` gave."""
        plain: dict[str, Any] = json.loads(text)
        rulings = {name: _ruling(ruling) for name, ruling in plain["rulings"].items()}
        predictions = {name: tuple(digests) for name, digests in plain["predictions"].items()}
        return cls(plain["number"], tuple(plain["seeds"]), rulings, predictions)


def _ruling(plain: Mapping[str, Any]) -> Ruling:
    verdict = None if plain["verdict"] is None else Verdict(plain["verdict"])
    return Ruling(**{**plain, "estimate": Estimate(**plain["estimate"]), "verdict": verdict})


def settled(taken: Iterable[Look]) -> dict[str, tuple[Look, Ruling]]:
    """The arms that have a verdict, with the look that gave it, by name."""
    return {
        arm: (look, ruling)
        for look in taken
        for arm, ruling in look.rulings.items()
        if ruling.verdict is not None
    }


def is_over(choice: Choice, taken: Sequence[Look]) -> bool:
    """Whether every arm has a verdict."""
    return len(settled(taken)) == len(choice.arms) - 1


def seeds_of(choice: Choice, taken: Sequence[Look]) -> dict[str, tuple[int, ...]]:
    """The seeds that each arm is to have for the next look, or has had where all is over.

    No arm is trained after its verdict, and the baseline not after the last one.
    """
    done = {arm: look.seeds for arm, (look, _) in settled(taken).items()}
    next_ones = () if is_over(choice, taken) else choice.seeds[: choice.plan.looks[len(taken)]]
    baseline = max([next_ones, *done.values()], key=len)
    arms = {arm.name: done.get(arm.name, next_ones) for arm in choice.arms[1:]}
    return {choice.arms[0].name: baseline, **arms}


def wanted_points(choice: Choice, taken: Sequence[Look]) -> tuple[Params, ...]:
    """What is to be trained for the next look, and was for those before: seed by seed."""
    wanted = seeds_of(choice, taken)
    return tuple(
        {"seed": seed, "arm": arm.name}
        for seed in choice.seeds
        for arm in choice.arms
        if seed in wanted[arm.name]
    )


def take(
    choice: Choice,
    taken: Sequence[Look],
    arms: Mapping[str, SeededPredictions],
    predictions: Mapping[str, tuple[str, ...]],
) -> Look:
    """The next look.

    Args:
        choice: what is confirmed.
        taken: the looks before.
        arms: test predictions of the baseline and of all arms, by name.
        predictions: their digests.
    """
    before = settled(taken)
    baseline, *others = (arms[arm.name] for arm in choice.arms if arm.name not in before)
    found = {arm.name: difference(arm, baseline, "accuracy") for arm in others}
    uncalled = len(choice.arms) - 1 - sum(r.verdict in _CALLED for _, r in before.values())
    number = len(taken) + 1
    rulings = rule(choice.plan, number, found, uncalled)
    seen = {name: predictions[name] for name in (baseline.name, *found)}
    return Look(number, baseline.seeds, rulings, seen)


def record_look(client: Client, run_id: str, look: Look) -> None:
    """Keep a look on the run of its confirmation; its tag, which comes last, says that it is."""
    run, text = Run(client, run_id), look.text()
    run.log_exactly(text, _path(look.number))
    run.log_summary({}, {_tag(look.number): _digest(text)})


def recorded(client: Client, run_id: str, choice: Choice) -> tuple[Look, ...]:
    """The looks that were taken, in order.

    Raises:
        EvidenceError: one was changed since.
    """
    _, tags = recorded_status(client, run_id)
    every = range(1, len(choice.plan.looks) + 1)
    numbers = [number for number in every if _tag(number) in tags]
    paths = [_path(number) for number in numbers]
    files = artifacts.read_files(client, run_id, paths, paths) if paths else {}
    texts = {number: files[_path(number)].decode() for number in numbers}
    for number, text in texts.items():
        if _digest(text) != tags[_tag(number)]:
            raise EvidenceError(
                f"{_path(number)} of run {run_id} is not what look {number} of "
                f"'{choice.name}' was: it was changed since"
            )
    return tuple(map(Look.read, texts.values()))


def _path(number: int) -> str:
    """The artifact of a look."""
    return f"looks/look-{number}.json"


def _tag(number: int) -> str:
    """The tag that has the digest of a look."""
    return f"ferlab.look.{number}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
