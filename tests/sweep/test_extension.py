"""A space that is changed by declaration, and what one study tells another."""

from typing import Any

import pytest
from optuna.trial import TrialState

from ferlab.errors import ConfigError
from ferlab.report.search_text import search_markdown
from ferlab.sweep import extension, plan, studies
from ferlab.sweep.outcome import tell_outside
from ferlab.sweep.search.space import Space, size
from ferlab.sweep.search.syntax import parse
from ferlab.sweep.warm_start import warm_start
from ferlab.sweep.workers import outside
from ferlab.sweep.workers.shared_study import SharedStudy
from tests.sweep.test_study import NEVER, shared, work

PARAMS = {"kind": "choice(none,se)", "lr": "choice(0.1,0.2)"}
FIXED = {"momentum": 0.9, "epochs": 6}


def space_of(**changes: str) -> Space:
    return parse({**PARAMS, **changes}, {})[0]


def about(space: Space, **fixed: Any) -> dict[str, Any]:
    """What is kept of a study, as of `ferlab.sweep.plan.describe_study`."""
    swept = {param.key for param in space.parameters}
    config = {k: v for k, v in {**FIXED, **fixed}.items() if k not in swept}
    spaces = {f"space {key}": value for key, value in space.describe().items()}
    return {**spaces, "study.objective": "val/accuracy", **config}


def begun(space: Space, study: str = "s", trials: int = 4, **fixed: Any) -> SharedStudy:
    begun = shared(space, trials, trials=trials, study=study)
    begun.optuna.set_user_attr("about", about(space, **fixed))
    work(begun)
    return begun


def extended(space: Space, trials: int) -> SharedStudy:
    study = shared(space, trials, trials=trials, session="2")
    known = study.optuna.user_attrs["about"]
    assert extension.may_be_declared(known, about(space))
    extension.extend(study, space, known, about(space))
    return study


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"lr": "choice(0.1,0.2,0.4)"}, 4),
        ({"lr": "choice(0.2,0.4)"}, 2),
        ({"kind": "choice(none,se,eca)", "lr": "choice(0.1)"}, 2),
        ({"momentum": "choice(0.5,0.9)"}, 4),
        ({"momentum": "choice(0.5,0.8,0.9)", "kind": "choice(se)"}, 2),
        ({"lr": "range(0.1,0.5,step=0.1)"}, 4),
        ({"lr": "tag(log, interval(0.05, 0.15))"}, 2),
    ],
)
def test_the_trials_that_fit_are_kept(changes: dict[str, str], kept: int) -> None:
    begun(space_of())
    space = space_of(**changes)
    study = extended(space, 6)
    assert study.counts().counted == kept
    total = size(space, 99, lambda params: True) or 6  # where there are fewer points than that
    assert work(study) == min(6, total) - kept
    points = [study.point_of(trial) for trial in study.trials()]
    assert all(point is not None and not space.problems(point) for point in points)
    if space.is_finite:
        assert len({str(sorted(point.items())) for point in points if point}) == min(6, total)
    seen = [outside.Seen(space, lambda: study._moved)(t) for t in study.trials()]
    assert [t.params if t else None for t in seen] == points


@pytest.mark.parametrize(
    ("changed", "fixed"),
    [
        ({}, {"epochs": 8}),
        ({"lr": "choice(0.1,0.4)"}, {"epochs": 8}),
        ({"lr": "choice(0.1,0.4)"}, {"study.objective": "val/f1"}),
        ({"weight_decay": "choice(0.1,0.2)"}, {}),
    ],
)
def test_what_is_no_change_of_the_space_may_not_be_declared(
    changed: dict[str, str], fixed: dict[str, Any]
) -> None:
    now = {**about(space_of(**changed)), **fixed}
    assert not extension.may_be_declared(about(space_of()), now)


def test_a_parameter_may_not_vanish_nor_its_condition_change() -> None:
    less = parse({"kind": PARAMS["kind"]}, {})[0]
    assert not extension.may_be_declared(about(space_of()), about(less, lr=0.1))
    when = parse(PARAMS, {"lr": {"kind": "se"}})[0]
    assert not extension.may_be_declared(about(space_of()), about(when))


def test_points_of_another_kind_bring_the_baseline_along_and_another_question() -> None:
    kept = {"study.question": "Does SE help?", "study.baseline.kind": "none", "stages": [2]}
    space = parse({"kind": "choice(none,se,eca)", "stages": "choice([2],[3])"}, {})[0]
    now = {**about(space), **kept, "lr": 0.1, "study.question": "Does attention help?"}
    del now["stages"]
    before = {**about(parse({"kind": PARAMS["kind"]}, {})[0]), **kept, "lr": 0.1}
    assert extension.may_be_declared(before, {**now, "study.baseline.stages": "[2]"})
    assert not extension.may_be_declared(before, {**now, "study.baseline.stages": "[3]"})
    assert not extension.may_be_declared(before, {**now, "study.baseline.kind": "se"})


def test_a_new_parameter_may_be_drawn_only_sometimes() -> None:
    begun(space_of())
    params = {**PARAMS, "momentum": "choice(0.5,0.9)"}
    space = parse(params, {"momentum": {"kind": "se"}})[0]
    study = extended(space, 6)
    assert study.counts().counted == 4
    points = [study.point_of(trial) or {} for trial in study.trials()]
    assert [point.get("momentum") for point in points if point["kind"] == "se"] == [0.9, 0.9]
    assert not any("momentum" in point for point in points if point["kind"] == "none")


def test_a_trial_that_was_left_goes_on_with_its_point_in_the_new_space() -> None:
    study = begun(space_of(), trials=2)
    more = shared(space_of(), 3, trials=3)
    with more.liveness.at_work() as dying:
        left = more.next_trial(dying, NEVER)
        assert left is not None
        with pytest.raises(ConfigError, match="trial 2 of the study 's' is being trained"):
            extension.extend(more, space_of(), {}, about(space_of()))
    study = extended(space_of(momentum="choice(0.5,0.9)"), 3)
    with study.liveness.at_work() as me:
        adopted = study.next_trial(me, NEVER)
        assert adopted is not None
        assert adopted.number == left.number
        assert adopted.user_attrs["params"] == {**left.params, "momentum": 0.9}


def test_a_change_is_shown() -> None:
    begun(space_of())
    study = extended(space_of(lr="choice(0.2,0.4)"), 4)
    work(study, 1)
    studies.remember(study.optuna, study.config, 4, 1, "ferlab sweep s")
    table = studies.view(study.optuna)
    assert len(table.rows) == 3
    assert tell_outside(table) == ["changed  the space; 2 trials fit it no more"]
    text = search_markdown(table, "ferlab sweep s", "ferlab confirm s", {})
    assert (
        "## The space was changed\n\n- lr: CategoricalDistribution(choices=(0.1, 0.2)) ->" in text
    )
    assert text.count("| before the change | ") == 2


def test_a_warm_start_adds_what_fits_and_says_whose_it_is() -> None:
    source = begun(space_of(), "old")
    space = space_of(lr="tag(log, interval(0.05, 0.15))", momentum="choice(0.5,0.9)")
    start = warm_start(space, about(space, epochs=8), source.optuna)
    assert start.told == "2 of 4 complete trials of 'old' fit; there, epochs was 6, not 8"
    study = shared(space, 3, trials=3)
    start.add_to(study.optuna)
    start.add_to(study.optuna)
    assert work(study) == 3
    assert study.counts().counted == 3
    studies.remember(study.optuna, study.config, 3, 1, "ferlab sweep s")
    rows = studies.view(study.optuna).outside
    assert [row.params["momentum"] for row in rows] == [0.9, 0.9]
    assert {row.origin.partition(" of ")[2] for row in rows} == {"old"}
    assert all(outside.Seen(space)(t) is not None for t in study.optuna.get_trials()[:2])


@pytest.mark.parametrize(
    ("space", "changes", "why"),
    [
        (space_of(lr="choice(7,8)"), {}, "no complete trial of the study 'old' fits this space"),
        (space_of(), {"study.objective": "val/f1"}, "has another objective"),
        (parse({"lr": "choice(0.1,0.2)"}, {})[0], {"kind": "eca"}, "no complete trial"),
    ],
)
def test_a_warm_start_from_what_does_not_fit_is_refused(
    space: Space, changes: dict[str, Any], why: str
) -> None:
    source = begun(space_of(), "old")
    with pytest.raises(ConfigError, match=why):
        warm_start(space, {**about(space), **changes}, source.optuna)


def test_points_to_be_trained_first_are_enqueued_once() -> None:
    space = space_of()
    study = shared(space, 3, trials=3)
    for _ in range(2):
        outside.enqueue(study.optuna, [{"kind": "se", "lr": 0.2}, {"lr": 0.1}])
    assert len(outside.waiting(study.optuna.trials)) == 2
    work(study)
    outside.enqueue(study.optuna, [{"kind": "se", "lr": 0.2}, {"lr": 0.1}])
    assert outside.waiting(study.optuna.trials) == []
    done = [t.params for t in study.trials() if t.state == TrialState.COMPLETE]
    assert done[0] == {"kind": "se", "lr": 0.2}
    assert done[1]["lr"] == 0.1


def test_a_point_to_be_trained_first_must_be_of_the_space() -> None:
    from ferlab.sweep.search.syntax import read
    from tests.sweep.test_study import settings

    pinned, _ = read(PARAMS, {}, ["seed=3"])
    config = settings(enqueue=[{"lr": 0.1, "seed": 3}, {"lr": 0.3, "kind": "cbam"}])
    with pytest.raises(ConfigError) as error:
        plan.enqueued(config, pinned)
    assert "study.enqueue[1].lr: is never 0.3, but one of 0.1, 0.2" in str(error.value)
    assert "study.enqueue[1].kind: is never cbam" in str(error.value)
