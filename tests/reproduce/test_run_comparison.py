"""What differs between two runs and their settings, and what each difference may change."""

from typing import Any

import pytest

from ferlab.data import fingerprint
from ferlab.data.imageset import ImageSet
from ferlab.reproduce.differences import differences
from ferlab.reproduce.run_comparison import compare_runs
from tests.reproduce.recorded import images, run, setting


def test_how_far_two_runs_part_is_told() -> None:
    found = compare_runs(run(), run(range(5), loss=(1.0, 0.53125), sure=0.8))
    first, largest, changed = found.lines()
    assert first == "parted at epoch 2: train/loss 0.5 -> 0.53125"
    assert largest == "largest difference of a metric 0.031: train/loss 0.5 -> 0.53125 at epoch 2"
    assert "1 of 40 images (2.5%) got another class" in changed
    assert "probabilities differ by up to 0.7" in changed


def test_images_are_matched_by_their_names() -> None:
    found = compare_runs(run(n=40), run(range(2, 5), n=50))
    assert (found.images, found.only_one) == (40, 10)
    turned = dict(zip(found.names.tolist(), found.turned.tolist(), strict=True))
    assert {name: sign for name, sign in turned.items() if sign} == {
        "image 0": 1, "image 1": 1, "image 4": -1,
    }  # fmt: skip
    assert found.accuracy == 1 / 40


CONFIG = setting().config


def machine(**changes: Any) -> dict[str, Any]:
    return {**(setting().machine or {}), **changes}


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
            {"machine": machine(cpu="y", memory=2, threads=9)},
            [("hardware", "cpu: x -> y", "rounding"), ("hardware", "memory: 1 -> 2", "nothing")],
        ),
        (
            {"machine": machine(gpus=["a GPU"], variables={"ONEDNN_MAX_CPU_ISA": "AVX2"})},
            [
                ("environment", "ONEDNN_MAX_CPU_ISA: (none) -> AVX2", "rounding"),
                ("hardware", "gpus: (none) -> ['a GPU']", "nothing"),  # both ran on the CPU
            ],
        ),
        (
            {
                "config": {**CONFIG, "trainer": {"threads": 1, "device": "cuda"}},
                "machine": machine(gpus=["a GPU"]),
            },
            [
                ("hardware", "trainer.device: cpu -> cuda", "streams"),
                ("hardware", "gpus: (none) -> ['a GPU']", "streams"),
            ],
        ),
        (
            {"packages": {"torch": "2.14", "left-pad": "2"}},
            [
                ("environment", "torch: 2.13 -> 2.14", "streams"),
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
    old = {key: value for key, value in machine().items() if key != "variables"}
    (unknown,) = differences(setting(machine=old), setting())
    assert unknown.what == "whether ATEN_*, DNNL_*, MKL_*, ONEDNN_* were set is not recorded"
    assert unknown.effect == "nothing"
    now = setting(machine=machine(variables={"MKL_CBWR": "AVX2"}))
    found = [(d.what, d.effect) for d in differences(setting(machine=old), now)]
    assert ("MKL_CBWR: (not recorded) -> AVX2", "rounding") in found


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
    assert found.what == "the same images in another order, under other class names or soft labels"
