"""The verdict on two runs, and what it takes into account."""

from typing import Any

import numpy as np
import pytest

from ferlab.analysis.predictions import Predictions
from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet
from ferlab.reproduce.differences import Difference, differences
from ferlab.reproduce.recorded import Recorded, Setting
from ferlab.reproduce.run_comparison import compare_runs, judge_rerun, worst

NAMES = np.array([f"image {i}" for i in range(40)])
LABELS = np.arange(40, dtype=np.uint8) % 2
THREADS = Difference("threads", "trainer.threads: 1 -> 2", "rounding")
MODEL = Difference("code", "ferlab/models/cnn.py: changed", "numbers")
COMMIT = Difference("code", "commit: a -> b", "nothing")


def images(n: int = 6, seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    grey = rng.integers(0, 256, (n, 48, 48), np.uint8)
    return ImageSet.of(grey, np.zeros(n), np.zeros(n), [f"i{i}" for i in range(n)])


def setting(**changes: Any) -> Setting:
    same: dict[str, Any] = {
        "config": {"seed": 0, "trainer": {"threads": 1, "device": "cpu"}, "data": {"path": "a"}},
        "commit": "a" * 40,
        "diff": "",
        "own_commit": None,
        "own_diff": "",
        "sources": {"ferlab/models/cnn.py": "1", "ferlab/cli/data.py": "2", "conf/a.yaml": "3"},
        "machine": {"cpu": "x", "memory": 1, "python": "3.12", "threads": 2, "libraries": {}},
        "packages": {"torch": "2.13", "left-pad": "1"},
        "data": images().digest,
        "images": fingerprint.fingerprint(images()),
    }
    return Setting(**{**same, **changes})


def run(
    wrong: range = range(4), loss: tuple[float, ...] = (1.0, 0.5), sure: float = 0.9
) -> Recorded:
    """A run that misreads the images whose numbers are in ``wrong``."""
    predicted = np.where(np.isin(np.arange(40), wrong), 1 - LABELS, LABELS)
    probabilities = np.where(predicted[:, None] == np.arange(2), sure, 1 - sure)
    return Recorded(
        run_id="x",
        name="x",
        setting=setting(),
        metrics={},
        history=tuple({"val/loss": value, "val/accuracy": 0.9} for value in loss),
        predictions=Predictions(NAMES, LABELS, probabilities.astype(np.float32)),
    )


def test_the_same_bits_are_identical_whatever_else_differs() -> None:
    verdict = judge_rerun(compare_runs(run(), run()), [MODEL, THREADS])
    assert verdict.level == "identical"
    assert verdict.text == "identical: 2 epochs and all 40 images are the same to the last bit"


def test_another_history_is_not_identical_though_the_predictions_are() -> None:
    found = compare_runs(run(), run(loss=(1.0, 0.25)))
    assert found.same_bits
    verdict = judge_rerun(found, [])
    assert verdict.level == "different"
    assert "parted at epoch 2: val/loss 0.5 -> 0.25" in verdict.text
    assert "nothing that was recorded explains it" in verdict.text


def test_rounding_explains_small_differences_and_is_quantified() -> None:
    found = compare_runs(run(), run(range(5), loss=(1.0, 0.53125), sure=0.8))
    verdict = judge_rerun(found, [COMMIT, THREADS])
    assert verdict.level == "equivalent"
    assert "parted at epoch 2" in verdict.text
    assert "largest difference of a metric 0.031: val/loss 0.5 -> 0.53125" in verdict.text
    assert "1 of 40 images (2.5%) got another class" in verdict.text
    assert "probabilities differ by up to 0.7" in verdict.text
    assert verdict.text.endswith("explained by trainer.threads: 1 -> 2")


def test_rounding_does_not_explain_a_better_network() -> None:
    found = compare_runs(run(range(20)), run(range(4)))  # 16 images more, none lost
    assert (found.gained, found.lost) == (16, 0)
    verdict = judge_rerun(found, [THREADS])
    assert verdict.level == "different"
    assert "more than rounding explains" in verdict.text


def test_as_many_gained_as_lost_is_as_good() -> None:
    found = compare_runs(run(range(10)), run(range(10, 20)))
    assert (found.gained, found.lost, found.changed) == (10, 10, 20)
    assert judge_rerun(found, [THREADS]).level == "equivalent"


def test_changed_code_is_never_equivalent() -> None:
    verdict = judge_rerun(compare_runs(run(), run(sure=0.8)), [MODEL, THREADS])
    assert verdict.level == "different"
    assert "what is computed differs: code: ferlab/models/cnn.py: changed" in verdict.text


def test_the_worst_seed_decides() -> None:
    assert worst(["identical", "different", "equivalent"]) == "different"
    assert worst(["identical", "equivalent"]) == "equivalent"
    assert worst(["identical"]) == "identical"


def test_the_same_setting_has_no_differences() -> None:
    assert differences(setting(), setting()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"config": {"seed": 1, "trainer": {"threads": 2, "device": "cpu"}}},
            [
                ("config", "seed: 0 -> 1", "numbers"),
                ("config", "data.path: a -> (none)", "nothing"),
                ("threads", "trainer.threads: 1 -> 2", "rounding"),
            ],
        ),
        ({"commit": None}, [("code", f"commit: {'a' * 40} -> None", "nothing")]),
        (
            {"diff": "# untracked: x\n--- a/y\n+++ b/y\n-1\n+2\n"},
            [("code", "uncommitted changes: none -> 2 lines and 1 untracked files", "nothing")],
        ),
        (
            {"sources": {"ferlab/models/cnn.py": "9", "conf/a.yaml": "9"}},
            [
                ("code", "ferlab/models/cnn.py: changed", "numbers"),
                ("code", "ferlab/cli/data.py: gone", "nothing"),
                ("code", "conf/a.yaml: changed (the recorded config is used)", "nothing"),
            ],
        ),
        (
            {"machine": {"cpu": "y", "memory": 2, "python": "3.12", "threads": 9}},
            [("hardware", "cpu: x -> y", "rounding"), ("hardware", "memory: 1 -> 2", "nothing")],
        ),
        (
            {"packages": {"torch": "2.14", "left-pad": "2"}},
            [
                ("environment", "torch: 2.13 -> 2.14", "rounding"),
                ("environment", "left-pad: 1 -> 2", "nothing"),
            ],
        ),
    ],
)
def test_each_difference_is_named_with_its_effect(
    changes: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert [tuple(d) for d in differences(setting(), setting(**changes))] == expected


def test_what_an_older_run_did_not_record_is_said() -> None:
    (unknown,) = differences(setting(sources=None), setting())
    assert (unknown.section, unknown.effect) == ("code", "nothing")  # the commit is the same
    *_, unknown = differences(setting(sources=None), setting(commit="b" * 40))
    assert unknown.effect == "numbers"


def test_changed_images_are_counted_and_named() -> None:
    before = images()
    pixels = before.images.copy()
    pixels[2] += 1
    labels, split = before.labels.copy(), before.split.copy()
    labels[3], split[4] = 1, 1
    now = ImageSet.of(pixels[:5], labels[:5], split[:5], before.names[:5])
    changed = setting(
        data=now.digest, images=fingerprint.fingerprint(now), names=tuple(now.names.tolist())
    )
    (found,) = differences(setting(), changed)
    assert found == (
        "data",
        "of 6 images 1 with other pixels, 1 with another label, 1 in another split, 1 gone "
        "(i2, i3, i4)",
        "numbers",
    )
    (back,) = differences(changed, setting())
    assert "1 added" in back.what


def test_images_in_another_order_are_the_same_images() -> None:
    before = images()
    now = ImageSet.of(before.images[::-1].copy(), before.labels, before.split, before.names[::-1])
    (found,) = differences(setting(), setting(data=now.digest, images=fingerprint.fingerprint(now)))
    assert found.what == "the same images in another order, or under other class names"
