"""The written result: its numbers, its words, and its honesty about chance."""

import math
import random
import re
import statistics
from typing import Any

import numpy as np
import pytest

from ferlab.analysis.search import uncertainty
from ferlab.analysis.search.figures import PICTURES
from ferlab.report.search_text import CAPTIONS, search_markdown
from ferlab.study.table import StudyTable, TrialRow, between_seeds
from tests.fake_studies import row, study, table

NONE = {"model.attention.kind": "none"}


def se(number: int, value: float | None, **given: Any) -> TrialRow:
    params = {"model.attention.kind": "se", "model.attention.reduction": 4}
    return row(number, value, params=params, **given)


def seeds(mean: float, apart: float) -> dict[str, Any]:
    """A trial of three seeds whose standard deviation is ``apart``."""
    return {"value": mean, "replicates": (mean - apart, mean, mean + apart)}


def text(of: StudyTable, **pictures: str) -> str:
    return search_markdown(of, "ferlab sweep fake_study", pictures)


def simulated(rng: random.Random, trials: int, replicates: int, images: int = 3589) -> StudyTable:
    """Trials that are all equally good."""
    rows = []
    for i in range(trials):
        scores = tuple(rng.gauss(0.6, 0.01) for _ in range(replicates))
        if replicates == 1:
            scores = (float(np.random.default_rng(rng.getrandbits(32)).binomial(images, 0.6)),)
            scores = (scores[0] / images,)
        rows.append(row(i, statistics.mean(scores), replicates=scores))
    return table(*rows, images=images, replicates=replicates)


@pytest.mark.parametrize("replicates", [1, 3])
def test_a_pair_of_equals_stands_out_in_one_of_twenty_studies(replicates: int) -> None:
    rng = random.Random(0)
    hits = 0
    for _ in range(600):
        made = simulated(rng, 4, replicates)
        one, other = made.rows[:2]
        gap = abs(uncertainty.ahead(made, one, other))
        hits += gap > (uncertainty.needed(made, one, other) or 0)
    assert 12 <= hits <= 48  # 30 +- 3.4 standard deviations


def test_the_best_of_many_equals_seldom_stands_out() -> None:
    rng = random.Random(1)
    plainly, corrected = 0, 0
    for _ in range(300):
        made = simulated(rng, 21, 3)
        base, placed = made.rows[0], table(*made.rows[1:]).best
        assert placed is not None
        gap = uncertainty.ahead(made, placed, base)
        plainly += gap > (uncertainty.needed(made, placed, base) or 0)
        corrected += gap > (uncertainty.needed(made, placed, base, 20) or 0)
    assert corrected <= 15
    assert plainly > 60  # this is why


def test_the_lead_of_the_luckiest_is_what_simulation_gives() -> None:
    rng = random.Random(2)
    leads, expected = [], []
    for _ in range(400):
        made = simulated(rng, 16, 3)
        values = [(one.values or (0,))[0] for one in made.rows]
        leads.append(max(values) - statistics.mean(values))
        expected.append(uncertainty.luck(made) or 0)
    assert statistics.mean(expected) == pytest.approx(statistics.mean(leads), rel=0.05)


def test_the_lead_of_the_luckier_of_two_is_known_exactly() -> None:
    """The mean of the larger of two normal draws is 1 / sqrt(pi) of their deviation."""
    made = simulated(random.Random(3), 2, 1)
    assert uncertainty.luck(made) is None  # nothing says how large the deviation is
    made = simulated(random.Random(3), 2, 4)
    spread = between_seeds(made.rows)
    assert spread is not None
    assert uncertainty.luck(made) == pytest.approx(spread.deviation / 2 / math.sqrt(math.pi))


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_one_score_is_wilsons(
    correct: int, images: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    assert uncertainty.interval(correct / images, images) == pytest.approx((low, high), abs=5e-5)


def test_counted_objectives_have_no_noise() -> None:
    exact = table(row(0, 500e3), row(1, 600e3), objectives=("parameters",), minimised=(True,))
    assert uncertainty.needed(exact, *exact.rows) == 0
    assert "Nothing: parameters is counted, not measured." in text(exact)


def test_it_says_what_was_searched_and_what_it_cost() -> None:
    params = {"optimizer.lr": 0.1}
    made = table(
        row(0, 0.5, params=params, epochs={1: 0.4, 2: 0.5}),
        row(1, state="pruned", params={"optimizer.lr": 0.05}, epochs={1: 0.1}, ended=1.7e9 + 250),
        row(2, state="failed", params={"a|b": True}),
        row(3, params={"model.attention.stages": "[1,2]"}),
        row(4, params={"model.attention.stages": "all"}),
        budget=9,
    )
    written = text(made)
    assert "> Does it help?" in written
    assert (
        "Of 9 trials, 2 are done: 1 complete and 1 pruned; 1 more failed; 2 more are running."
        in written
    )
    assert "A trial is one run of at most 10 epochs." in written
    assert "the trials took 4 minutes from start to end, for 3 epochs." in written
    assert "| `optimizer.lr` | `0.05`, `0.1` |" in written
    assert "| `model.attention.stages` | `all`, `[1,2]` |" in written
    assert "| `a\\|b` | `true` |" in written


def test_many_values_are_told_as_a_range() -> None:
    rows = [row(i, 0.5, params={"optimizer.lr": 0.01 * (i + 1)}) for i in range(11)]
    assert "| `optimizer.lr` | 11 values from 0.01 to 0.11 |" in text(table(*rows))


def test_the_best_ten_stand_in_order_and_no_attention_below_them() -> None:
    rows = [se(i, 0.5 + 0.01 * i, name=f"se {i}") for i in range(12)]
    written = text(table(*rows, row(12, 0.4, params=NONE, name="compact")))
    places = [line for line in written.splitlines() if line.startswith("| ") and " se " in line]
    assert [line.split(" | ")[1] for line in places] == [str(i) for i in range(11, 1, -1)]
    assert "| 1 | 11 | se 11 | 61.00 % | `00000000` |" in written
    assert "| 13 | 12 | compact (no attention) | 40.00 % | `00000000` |" in written


def test_spread_and_seeds_are_told_where_there_are_any() -> None:
    written = text(table(se(0, **seeds(0.6, 0.01)), se(1, 0.5), replicates=3))
    assert "trained under 3 seeds, the same for all trials, for at most 10 epochs each" in written
    assert "| 1 | 0 | trial 0 | 60.00 % | 1.00 points | 3 |" in written
    assert "| 2 | 1 | trial 1 | 50.00 % | – | 1 |" in written
    assert "between seeds is 1.00 points, pooled over 1 trial (2 degrees of freedom)" in written


def test_without_seeds_it_says_so() -> None:
    written = text(table(row(0, 0.6)))
    assert "from 58.4 % to 61.6 %: ±1.6 points by the chance of the images alone" in written
    assert "Every trial was trained under one seed" in written
    assert "## The only complete trial" in written
    assert "Selection" not in written


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.6, 0.59, 0.57, 0.5), "Of the 3 other complete trials, 1 lies so close to the best"),
        ((0.6, 0.59, 0.58, 0.5), "Of the 3 other complete trials, 2 lie so close to the best"),
        ((0.6, 0.59, 0.59), "Of the 2 other complete trials, all lie so close to the best"),
        ((0.6, 0.3, 0.2), "Of the 2 other complete trials, none lies so close to the best"),
        ((0.6, 0.59), "The other complete trial lies so close to the best"),
        ((0.6, 0.3), "The other complete trial does not lie so close to the best"),
    ],
)
def test_trials_within_noise_of_the_best_are_counted(values: tuple[float, ...], said: str) -> None:
    assert said in text(table(*(row(i, value) for i, value in enumerate(values))))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            table(se(0, **seeds(0.64, 0.01)), row(1, params=NONE, **seeds(0.6, 0.01))),
            "4.00 points ahead of the best without (trial 1, of 1). With 1.00 points between "
            "seeds, and 3 seeds behind each, a difference stands out at 95 % from 2.27 points on. "
            "This search suggests a gain; only fresh seeds can confirm it.",
        ),
        (
            table(se(0, **seeds(0.62, 0.01)), row(1, params=NONE, **seeds(0.6, 0.01))),
            "from 2.27 points on. This search does not show a gain.",
        ),
        (
            table(
                *(se(i, **seeds(0.624, 0.01)) for i in range(20)),
                row(20, params=NONE, **seeds(0.6, 0.01)),
            ),
            "and as the largest of 20 from 2.63 points on (Bonferroni). That is more than chance "
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


def test_several_objectives_are_told_with_the_front() -> None:
    values = [(0.6, 900e3), (0.5, 500e3), (0.55, 950e3)]
    made = table(
        *(row(i, values=v, state="complete") for i, v in enumerate(values)),
        objectives=("val/accuracy", "parameters"),
        minimised=(False, True),
    )
    written = text(made)
    assert "|  | trial | what | val/accuracy | parameters | run |" in written
    assert "| 1 | 0 | trial 0 | 60.00 % | 900,000 |" in written
    assert "2 trials on the Pareto front" in written
    assert "another: 0 and 1." in written
    assert "All of this is about val/accuracy, the first of the objectives." in written


def test_nothing_complete_is_said_plainly() -> None:
    written = text(table(row(0)))
    assert "No trial is complete, so there is nothing to compare." in written
    assert "##" in written
    assert "MLflow" not in written
    assert text(table(budget=3)).count("Of 3 trials, 0 are done: 0 complete and 0 pruned.") == 1


def test_it_says_how_to_go_on_and_where_the_best_run_is() -> None:
    written = text(table(row(0, 0.5), row(1, 0.6)))
    assert "\n\n    ferlab sweep fake_study\n\n" in written
    assert f"MLflow run `{1:032x}`" in written


def test_every_picture_has_its_caption() -> None:
    assert set(CAPTIONS) == set(PICTURES)
    written = text(study(24), history="history.png", front="figures/front.png")
    assert "![Pareto front](figures/front.png)" in written
    assert "## Pictures" not in text(study(24))


@pytest.mark.parametrize("trials", range(0, 40, 3))
def test_it_can_be_written_of_any_study(trials: int) -> None:
    for made in (study(trials), study(trials, 3, 2), study(trials, 2, 3, positions=False, seed=1)):
        written = text(made)
        assert "nan" not in written
        assert not re.search(r"(^|[^\d,])1 (trials|runs|epochs|seeds|images)", written)
        tables = [part for part in written.split("\n\n") if part.startswith("|")]
        for grid in tables:
            assert len({line.count(" | ") for line in grid.splitlines()}) == 1


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ((0, 0), "each run, with no other trial being trained on its machine."),
        ((0, 1), "while 0 to 1 other trial was trained on its machine. Others lengthen it"),
        ((3, 3), "while 3 other trials were trained on its machine. Others lengthen it"),
        ((None, 1), "beside what is not known of every trial. Others lengthen it"),
    ],
)
def test_latency_is_told_with_what_was_trained_beside_it(
    beside: tuple[int | None, int | None], told: str
) -> None:
    rows = [row(i, 0.5 + i / 10, beside=count) for i, count in enumerate(beside)]
    assert told in text(table(*rows, objectives=("latency",), minimised=(True,)))
    assert "Latency was timed" not in text(table(*rows))
