"""The verdict on a rerun: what must hold for each, and what no verdict may come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ferlab.reproduce.differences import Difference
from ferlab.reproduce.judgement import Judgement, Level, judge_rerun, judge_seeds, worst
from ferlab.reproduce.recorded import Recorded
from ferlab.reproduce.run_comparison import RunComparison, compare_runs
from tests.reproduce.recorded import run

N = 4000
"""Images enough for an interval inside one point where few of them change."""

THREADS = Difference("threads", "trainer.threads: 1 -> 2", "rounding")
ONEDNN = Difference("environment", "ONEDNN_MAX_CPU_ISA: (none) -> AVX2", "rounding")
ATEN = Difference("hardware", "cpu_capability: AVX512 -> DEFAULT", "rounding")
PIXEL = Difference("data", "of 4000 images 1 with other pixels (a.png)", "numbers")
MODEL = Difference("code", "ferlab/models/cnn.py: changed", "numbers")
TORCH = Difference("environment", "torch: 2.13 -> 2.14", "streams")
COMMIT = Difference("code", "commit: a -> b", "nothing")

ROUNDED: dict[str, Any] = {"loss": (1.001, 0.5), "steps": (2.0, 1.90001, 1.79996)}
"""What another order of sums makes of the first steps and the first epoch."""


def judged(differ: Sequence[Difference], before: Recorded | None = None, **again: Any) -> Judgement:
    """The verdict on a rerun that came to this, of a run that misread 400 images of 4,000."""
    original = before or run(range(400), n=N)
    return judge_rerun(
        compare_runs(original, run(**{"wrong": range(400), "n": N, **again})), differ
    )


@pytest.mark.parametrize(
    ("case", "differ", "again", "level"),
    [
        ("the same again", [], {}, "identical"),
        ("two threads", [THREADS], {**ROUNDED, "wrong": range(10, 412)}, "equivalent"),
        ("two threads, far on", [THREADS], {**ROUNDED, "wrong": range(400, 800)}, "undetermined"),
        ("oneDNN without AVX-512", [ONEDNN], {**ROUNDED, "sure": 0.8}, "equivalent"),
        ("torch without AVX", [ATEN], {"steps": (2.00001, 1.9, 1.85)}, "undetermined"),
        ("a pixel that trains", [PIXEL, THREADS], ROUNDED, "different"),
        ("a pixel that validates", [PIXEL], {"sure": 0.89}, "different"),
        ("a rate times 1.001", [THREADS], {**ROUNDED, "rate": 0.1001}, "different"),
        ("a rate times 2", [THREADS], {"steps": (2.0, 1.8, 1.7), "rate": 0.2}, "different"),
        ("a rate times 0.3", [THREADS], {"steps": (2.0, 1.97, 1.94), "rate": 0.03}, "different"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_case_gets_its_verdict(
    case: str, differ: list[Difference], again: dict[str, Any], level: Level
) -> None:
    del case
    verdict = judged([COMMIT, *differ], **again)
    assert (verdict.level, verdict.text.partition(":")[0]) == (level, level)
    assert verdict.is_reproduced is (level in ("identical", "equivalent"))


def test_the_same_bits_are_identical_whatever_else_differs() -> None:
    verdict = judge_rerun(compare_runs(run(), run()), [MODEL, THREADS])
    assert verdict.text == "identical: 2 epochs and all 40 images are the same to the last bit"


def test_another_history_is_not_identical_though_the_predictions_are() -> None:
    found = compare_runs(run(), run(loss=(1.0, 0.25)))
    assert found.same_bits
    verdict = judge_rerun(found, [COMMIT])
    assert verdict.level == "different"
    assert "parted at epoch 2: train/loss 0.5 -> 0.25" in verdict.text
    assert "nothing that was recorded explains it" in verdict.text


def test_changed_code_is_never_equivalent() -> None:
    verdict = judged([MODEL, THREADS], **ROUNDED)
    assert verdict.level == "different"
    assert "what is computed differs: code: ferlab/models/cnn.py: changed" in verdict.text


def test_equivalent_says_all_that_was_shown() -> None:
    text = judged([THREADS, COMMIT], wrong=range(10, 412), **ROUNDED).text
    assert "; the same learning rates; losses of steps 2 and 3 within 4e-05; " in text
    assert "training loss of epoch 1 within 0.1 %; accuracy −0.05 points, " in text
    assert ", inside ±1; explained by trainer.threads: 1 -> 2" in text


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ({"wrong": range(100, 500)}, "accuracy 0.00 points, 90 % interval −0.59 to +0.59, inside"),
        ({"wrong": range(300, 700)}, "accuracy 0.00 points, 90 % interval −1.01 to +1.01, not in"),
        ({"wrong": range(500)}, "accuracy −2.50 points, 90 % interval −2.94 to −2.12, not inside"),
        ({"steps": (2.0, 1.9, 1.8003)}, "the losses of steps 2 and 3 differ by 0.0003, more than"),
        ({"loss": (1.02, 0.5)}, "the training loss of epoch 1 differs by 2 %, more than 1 %"),
        ({"loss": (1.0, 0.5, 0.4)}, "they stopped at different epochs"),
        ({"steps": ()}, "the losses of steps 2 and 3 are not recorded by both"),
    ],
)
def test_rounding_alone_is_never_different(again: dict[str, Any], why: str) -> None:
    """However far apart it ends; and each doubt is told, with the interval."""
    verdict = judged([THREADS], **{**ROUNDED, **again})
    assert verdict.level == ("undetermined" if ", inside" not in why else "equivalent")
    assert why in verdict.text
    assert "trainer.threads: 1 -> 2" in verdict.text


def test_the_margin_is_stated_and_decides() -> None:
    found = compare_runs(run(range(400), n=N), run(range(410), n=N, **ROUNDED))
    assert judge_rerun(found, [THREADS], margin=0.003).level == "undetermined"
    assert "not inside ±0.3;" in judge_rerun(found, [THREADS], margin=0.003).text + ";"
    assert judge_rerun(found, [THREADS], margin=0.005).level == "equivalent"


def test_few_images_show_nothing_though_none_changed() -> None:
    verdict = judge_rerun(compare_runs(run(), run(sure=0.8, **ROUNDED)), [THREADS])
    assert verdict.level == "undetermined"
    assert "accuracy 0.00 points, 90 % interval −6.34 to +6.34, not inside ±1" in verdict.text


def test_another_loss_before_the_first_step_is_no_rounding() -> None:
    verdict = judged([THREADS], steps=(2.1, 1.95, 1.9))
    assert verdict.level == "different"
    assert (
        "cannot explain that the loss before the first step was another, 2 -> 2.1" in verdict.text
    )
    assert judged([TORCH], steps=(2.1, 1.95, 1.9)).level == "undetermined"  # other weights drawn


def test_a_plateau_follows_the_rounding_of_its_loss_but_from_the_start() -> None:
    plateau = "ferlab.training.schedule.plateau"
    original = run(n=N, schedule=plateau)
    later = run(n=N, schedule=plateau, **ROUNDED)
    later.history[1]["lr"] = 0.05
    verdict = judge_rerun(compare_runs(original, later), [THREADS])
    assert verdict.level == "undetermined"
    assert "but the learning rate parted at epoch 2, lr 0.1 -> 0.05" in verdict.text
    other = run(n=N, schedule=plateau, rate=0.2)
    assert judge_rerun(compare_runs(original, other), [THREADS]).level == "different"


# --- several seeds ------------------------------------------------------------------------


def seeds(differ: list[Difference], worse: int, count: int = 5, **again: Any) -> Judgement:
    """The verdict over seeds that misread 400 images, and again 400 others and some more."""
    rng = np.random.default_rng(1)
    found: list[RunComparison] = []
    for _ in range(count):
        wrong, other = rng.choice(N, 400, replace=False), rng.choice(N, 400 + worse, replace=False)
        outcome = {**ROUNDED, "wrong": other, "n": N, **again}
        found.append(compare_runs(run(wrong, n=N), run(**outcome)))
    return judge_seeds(found, [judge_rerun(one, differ) for one in found], differ)


def test_over_seeds_the_mean_difference_decides() -> None:
    """Each by itself is undetermined, for one run rereads too many images."""
    verdict = seeds([THREADS], worse=0)
    assert verdict.level == "equivalent"
    assert verdict.text.startswith("equivalent, over 5 seeds: mean accuracy ")
    assert verdict.text.endswith(", inside ±1")
    assert seeds([THREADS], worse=40).level == "undetermined"
    assert seeds([THREADS], worse=0, steps=(2.0, 1.9, 1.85)).level == "undetermined"


def test_over_seeds_a_version_that_reads_worse_is_different_and_rounding_is_not() -> None:
    assert seeds([TORCH], worse=200).level == "different"
    assert seeds([THREADS], worse=200).level == "undetermined"


def test_two_seeds_are_judged_each_by_itself() -> None:
    verdict = seeds([THREADS], worse=0, count=2)
    assert (
        verdict.text
        == "undetermined, over 2 seeds, each by itself: their mean needs 3 on one split"
    )


def test_the_worst_seed_decides() -> None:
    assert worst(["identical", "different", "undetermined"]) == "different"
    assert worst(["identical", "undetermined", "equivalent"]) == "undetermined"
    assert worst(["identical", "equivalent"]) == "equivalent"
    assert worst(["identical"]) == "identical"
