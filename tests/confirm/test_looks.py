"""What a confirmation trains next, and what its looks keep."""

from dataclasses import replace

import pytest

from ferlab import cli as command_line
from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.analysis.comparison.verdict import Verdict
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.confirm import looks
from ferlab.confirm.choice import Candidate, Choice
from ferlab.confirm.looks import Look
from tests.analysis.simulated import Truth

NAMES = ("baseline", "same", "gain", "copy")
CHOICE = Choice(
    "s",
    tuple(Candidate(name, i, f"{i}", 0.5) for i, name in enumerate(NAMES)),
    LookPlan((5, 7)),
    tuple(range(11, 18)),
    (),
)


def arms(seeds: int) -> dict[str, SeededPredictions]:
    """The first so many seeds of each: one reads more, one the very same as the baseline."""
    truth = Truth(7, view=0.0)
    (baseline, same), (_, gain) = (next(t.studies(1)) for t in (truth, replace(truth, gain=0.5)))
    found = zip(NAMES, (baseline, same, gain, baseline), strict=True)
    return {name: replace(arm, name=name, seeds=CHOICE.seeds).first(seeds) for name, arm in found}


def look(*before: Look) -> Look:
    """The next look at those arms."""
    trained = {name: arms(7)[name].first(len(seeds)) for name, seeds in
               looks.seeds_of(CHOICE, before).items()}  # fmt: skip
    digests = {name: (f"of {name}",) * len(arm.seeds) for name, arm in trained.items()}
    return looks.take(CHOICE, before, trained, digests)


def trained_next(*before: Look) -> list[tuple[object, object]]:
    return [(p["seed"], p["arm"]) for p in looks.wanted_points(CHOICE, before)]


def test_every_arm_is_trained_for_the_first_look() -> None:
    assert trained_next() == [(seed, name) for seed in range(11, 16) for name in NAMES]


def test_after_a_look_only_what_is_open_is_trained_on_with_the_baseline() -> None:
    first = look()
    assert [ruling.verdict for ruling in first.rulings.values()] == [
        None,
        Verdict.BETTER,
        Verdict.NO_DIFFERENCE,
    ]
    assert not looks.is_over(CHOICE, [first])
    more = [(16, "baseline"), (16, "same"), (17, "baseline"), (17, "same")]
    assert trained_next(first) == [*trained_next(), *more]
    second = look(first)
    assert list(second.rulings) == ["same"]
    assert set(second.predictions) == {"baseline", "same"}
    assert second.rulings["same"].level == CHOICE.plan.levels(2)[1]  # one is called, one is not
    assert looks.is_over(CHOICE, [first, second])
    assert trained_next(first, second) == trained_next(first)


def test_where_all_is_settled_the_baseline_is_trained_no_further() -> None:
    first = look()
    settled = replace(first.rulings["same"], verdict=Verdict.FUTILE)
    ended = replace(first, rulings={**first.rulings, "same": settled})
    assert looks.is_over(CHOICE, [ended])
    assert trained_next(ended) == trained_next()


def test_a_look_is_read_as_it_was_written() -> None:
    first = look()
    assert first.rulings["copy"].estimate.df == float("inf")  # the very same predictions
    assert Look.read(first.text()) == first
    assert looks.settled([first])["gain"] == (first, first.rulings["gain"])


@pytest.mark.parametrize("text", ["x", "5,", "5 10"])
def test_seeds_are_typed_with_commas(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["confirm", "nowhere", "--looks", text])
    assert f"argument --looks: '{text}' is not seeds as in 5,10,15,20" in capsys.readouterr().err
