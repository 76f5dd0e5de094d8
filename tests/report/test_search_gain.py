"""What is better than what, by the same rules whatever was searched."""

from typing import Any

import pytest

from ferlab.report.search_files import settle
from ferlab.report.search_gain import tell_attention, tell_lead
from ferlab.study.params import Params
from ferlab.study.table import StudyTable, TrialRow
from tests.fake_studies import optimizers, row, table
from tests.report.words import NONE, OF_TWO, se, seeds, text


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            table(se(0, **seeds(0.64, OF_TWO)), row(1, params=NONE, **seeds(0.6, OF_TWO, 1))),
            "4.00 points ahead of the best without (trial 1, of 1). With 1.00 points between "
            "seeds, and 3 seeds behind each, a difference stands out at 95 % from 3.51 points on. "
            "This search suggests a gain; only fresh seeds can confirm it.",
        ),
        (
            table(se(0, **seeds(0.62, OF_TWO)), row(1, params=NONE, **seeds(0.6, OF_TWO, 1))),
            "from 3.51 points on. This search does not show a gain.",
        ),
        (
            table(
                *(se(i, **seeds(0.624, 0.01, i)) for i in range(20)),
                row(20, params=NONE, **seeds(0.6, 0.01, 20)),
            ),
            "and as the largest of 20 from 2.70 points on (Bonferroni). That is more than chance "
            "gives a pair chosen beforehand, but no more than it may give the best of 20: this "
            "search does not show a gain.",
        ),
        (
            table(se(0, 0.61), row(1, 0.6, params=NONE)),
            "With one run each on 3,589 images, a difference stands out at 95 % from 2.26 points "
            "on. This search does not show a gain.",
        ),
        (
            table(se(0, 0.59), row(1, 0.6, params=NONE)),
            "1.00 points behind the best without (trial 1, of 1). This search does not show a gain",
        ),
        (
            table(se(0, 0.5), row(1, 0.6, params=NONE), objectives=("val/f1",)),
            "0.1000 behind the best",
        ),
        (
            table(se(0, 0.7), row(1, 0.6, params=NONE), objectives=("val/f1",)),
            "Nothing was measured that says whether this is more than chance.",
        ),
        (
            table(
                se(0, 1.1), row(1, 1.2, params=NONE), objectives=("val/loss",), minimised=(True,)
            ),
            "0.1000 ahead of the best without",
        ),
        (
            table(se(0, 0.6), row(1, state="pruned", params=NONE)),
            "No trial without attention is complete (1 pruned): this search does not say",
        ),
        (table(row(0, 0.6, params=NONE)), "No trial with attention is complete: this search"),
    ],
)
def test_what_is_said_of_attention_follows_from_the_numbers(made: StudyTable, said: str) -> None:
    assert said in text(made)


def test_it_says_what_else_differs_from_the_baseline() -> None:
    with_lr = {"model.attention.kind": "se", "optimizer.lr": 0.1}
    without = {**NONE, "optimizer.lr": 0.05}
    made = table(row(0, 0.7, params=with_lr), row(1, 0.6, params=without))
    assert "They differ in `optimizer.lr`, too." in text(made)
    same = {**NONE, "optimizer.lr": 0.1}
    alike = table(row(0, 0.7, params=with_lr), row(1, 0.6, params=same))
    assert "They differ" not in text(alike)


def test_of_several_kinds_the_best_of_each_is_told() -> None:
    def kind(number: int, name: str, value: float | None, **given: Any) -> TrialRow:
        return row(number, value, params={"model.attention.kind": name}, **given)

    rows = [kind(0, "none", 0.6), kind(1, "se", 0.61), kind(2, "flat", 0.62), kind(3, "se", 0.58)]
    written = text(table(*rows, kind(4, "deep", None, state="pruned")))
    assert "The best with attention (flat, trial 2, of 3) is 2.00 points ahead of" in written
    assert (
        "**Kinds.** The best of each, in order: flat 62.00 % (trial 2, of 1), "
        "se 61.00 % (trial 1, of 2) and no attention 60.00 % (trial 0, of 1). "
        "Of deep no trial is complete. The more trials a kind had, the luckier its best one is."
    ) in written
    assert "Kinds" not in text(table(*rows[:2]))


def test_a_search_without_attention_says_nothing_of_it() -> None:
    assert "Attention" not in text(table(row(0, 0.5), row(1, 0.6)))


POINTS: list[tuple[Params, Params]] = [
    ({"optimizer.lr": 0.1}, {"optimizer.lr": 0.03}),
    ({"optimizer": "sgd"}, {"optimizer": "adamw"}),
    ({"model.dropout": 0.0, "augmentation": "none"}, {"model.dropout": 0.2, "augmentation": "x"}),
    (NONE, {"model.attention.kind": "cbam", "model.attention.stages": "all"}),
]
"""A baseline and another point, of different questions."""


@pytest.mark.parametrize(("base", "other"), POINTS)
@pytest.mark.parametrize(
    ("reached", "said"),
    [
        (
            {"value": 0.7},
            "**Baseline.** The best (trial 1, trial 1, of 1) is 10.00 points ahead of the baseline "
            "(trial 0, trial 0). With one run each on 3,589 images, a difference stands out at "
            "95 % from 2.19 points on. This search suggests a gain",
        ),
        (
            seeds(0.61, 0.01),
            "Taken for one run each on 3,589 images, a difference stands out at 95 % from 2.26 "
            "points on. This search does not show a gain.",
        ),
        ({"value": 0.5}, "(trial 0) is itself the best of 2 complete trials. This search does not"),
        ({"state": "pruned"}, "No other trial is complete, so there is nothing to compare it with"),
    ],
)
def test_the_best_is_compared_with_a_declared_baseline(
    base: Params, other: Params, reached: dict[str, Any], said: str
) -> None:
    made = table(row(0, 0.6, params=base), row(1, params=other, **reached), baseline=base)
    assert said in text(made)
    assert text(made).count("suggests a gain") <= 1  # also where attention is the baseline's other


@pytest.mark.parametrize(("base", "other"), POINTS)
def test_a_baseline_that_is_not_complete_is_told(base: Params, other: Params) -> None:
    rows = [row(0, params=base, state="pruned"), row(1, 0.6, params=other)]
    assert "**Baseline.** It is pruned: this search does not say" in text(
        table(*rows, baseline=base)
    )
    assert "**Baseline.** It is not in it yet" in text(table(rows[1], baseline=base))
    assert "**Baseline.**" not in text(table(*rows))


def test_trials_that_differ_in_their_seed_alone_are_one_configuration() -> None:
    lr = {"optimizer.lr": 0.1}
    rows = [row(i, 0.5 + 0.1 * i, params={"seed": i, **lr}) for i in range(3)]
    told = (
        "ll is one configuration under 3 seeds: 60.00 % on average, with a standard deviation of "
        "10.00 points; which of them is the best is luck"
    )
    assert tell_lead(table(*rows), "C") == f"a{told}"
    assert f"(a single run), trial 2: trial 2. A{told}.\n" in text(table(*rows))
    assert f"**Seeds.** A{told}.\n" in text(table(*rows))
    other = row(3, 0.5, params={"seed": 0, "optimizer.lr": 0.2})
    for study in (table(*rows, other), table(row(0, 0.5, params=lr), row(1, 0.6, params=lr))):
        assert "one configuration" not in text(study)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0.6, 0.59, 0.5), "too close to call: 1 of 2 others lies within chance of the best; C s"),
        ((0.6, 0.59, 0.6), "too close to call: 2 of 2 others lie within chance of the best; C s"),
        ((0.6, 0.59), "too close to call: 1 of 1 other lies within chance of the best; C settles"),
        ((0.6, 0.5, 0.5), "the best stands out from 2 others, but was chosen for its score; C con"),
    ],
)
def test_a_line_says_whether_the_best_is_too_close_to_call(
    values: tuple[float, ...], told: str
) -> None:
    rows = [row(i, value) for i, value in enumerate(values)]
    assert tell_lead(table(*rows), "C").startswith(told)
    first = f"**Result.** 60.00 % val/accuracy (a single run), trial 0: trial 0. {told[0].upper()}"
    assert first in text(table(*rows))


def test_a_line_says_where_chance_was_not_measured_and_nothing_where_there_is_none() -> None:
    rows = [row(0, 0.6), row(1, 0.5)]
    assert "how far chance moves val/f1 was not measured" in tell_lead(
        table(*rows, objectives=("val/f1",)), "C"
    )
    assert tell_lead(table(*rows, objectives=("parameters",), minimised=(True,)), "C") == ""
    assert tell_lead(table(rows[0]), "C") == tell_lead(table(), "C") == ""


@pytest.mark.parametrize(
    ("made", "command"),
    [
        (optimizers(), "ferlab confirm optimizers"),
        (table(row(0, 0.5), row(1, 0.6), row(2, 0.4)), "ferlab confirm fake_study"),
        (
            table(
                row(0, 0.5, params={"a": 1}), row(1, 0.6, params={"a": 2}),
                row(2, 0.7, params={"a": 3}),
            ),
            "ferlab confirm fake_study --against 1",
        ),
        (
            table(
                row(0, 0.5, params={"a": 1, "seed": 1}), row(1, 0.6, params={"a": 2, "seed": 1}),
                row(2, 0.7, params={"a": 2, "seed": 2}),
            ),
            "ferlab confirm fake_study --against 0",
        ),
    ],
)  # fmt: skip
def test_what_to_type_names_an_opponent_where_no_baseline_does(
    made: StudyTable, command: str
) -> None:
    assert settle(made, None) == command
    url = "postgresql://me:secret@db/x"
    assert settle(made, url) == f"{command} --storage 'postgresql://me:***@db/x'"


def test_how_attention_stands_is_told_in_a_line_where_it_was_searched() -> None:
    plain, placed = row(0, 0.6, params=NONE), se(1, 0.58)
    assert tell_attention(table(plain, placed)) == (
        "The best with attention (se, trial 1, of 1) is 2.00 points behind the best without "
        "(trial 0, of 1)"
    )
    assert tell_attention(table(plain)).startswith("No trial with attention is complete")
    assert tell_attention(table(row(0, 0.6))) == ""
    assert tell_attention(table()) == ""
