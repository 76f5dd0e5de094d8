"""Which images a confirmation is scored on, and what it says of them."""

import json
from datetime import UTC, datetime
from unittest.mock import Mock

import numpy as np
import pytest

from ferlab.analysis.comparison.seeded import SeededPredictions
from ferlab.config.compose import compose
from ferlab.confirm.evidence import _machine
from ferlab.confirm.parts import split_parts
from ferlab.data.imageset import ImageSet, Split
from ferlab.reproduce.recorded import MACHINE
from ferlab.tracking import artifacts
from ferlab.tracking.entry import Entry

SPLITS = [Split.TRAIN] * 3 + [Split.VAL] * 2 + [Split.TEST] * 4 + [Split.UNUSED]


def images(copies: dict[int, int]) -> ImageSet:
    """Ten images, all different but that some are copies of others: position by position."""
    pixels = np.zeros((10, 48, 48), np.uint8)
    pixels[:, 0, 0] = range(10)
    for copy, original in copies.items():
        pixels[copy] = pixels[original]
    names = [f"{i}.png" for i in range(10)]
    return ImageSet.of(pixels, np.arange(10) % 7, np.array(SPLITS), names)


def arms(split: Split, of: ImageSet) -> list[SeededPredictions]:
    index = of.indices(split)
    guesses = np.tile(of.labels[index].astype(np.int64), (3, 1))
    parts = of.classes, of.names[index], of.labels[index], guesses
    return [SeededPredictions(name, (1, 2, 3), *parts) for name in ("baseline", "arm")]


def parts(of: ImageSet, split: str) -> dict[str, tuple[str, list[SeededPredictions]]]:
    config = compose(["data=fer2013", "data.path=x", f"data.split={split}"])
    found = split_parts(arms(Split.TEST, of), arms(Split.VAL, of), of, config)
    return {name: (what, arms) for name, what, arms in found}


def test_where_none_is_shared_the_test_split_says_so() -> None:
    found = parts(images({}), "official")
    assert list(found) == ["test", "validation", "validation and test"]
    told = "Of its 4 images 0 are pixel-identical to a training image and 0 to a validation image."
    assert told in found["test"][0]


def test_shared_images_are_left_out_of_a_part_of_their_own() -> None:
    found = parts(images({5: 0, 8: 4}), "official")
    assert list(found) == ["test", "test, none shared", "validation", "validation and test"]
    assert "1 are pixel-identical to a training image and 1 to a val" in found["test"][0]
    _, kept = found["test, none shared"]
    assert [arm.names.tolist() for arm in kept] == [["6.png", "7.png"]] * 2


def test_where_all_are_shared_no_part_is_left() -> None:
    found = parts(images({5: 0, 6: 0, 7: 1, 8: 2}), "official")
    assert list(found) == ["test", "validation", "validation and test"]
    assert "Of its 4 images 4 are pixel-identical to a training image" in found["test"][0]


@pytest.mark.parametrize("copies", [{}, {5: 0}])
@pytest.mark.parametrize("split", ["seed", "official"])
def test_validation_and_test_are_taken_together_too(copies: dict[int, int], split: str) -> None:
    found = parts(images(copies), split)
    told, whole = found["validation and test"]
    assert told.startswith("All of PrivateTest:") == (split == "seed")
    for arm in whole:
        assert arm.names.tolist() == [f"{i}.png" for i in range(3, 9)]
        assert arm.predicted.shape == (3, 6)
        assert (arm.predicted == arm.labels).all()


@pytest.mark.parametrize(("device", "processor"), [("cpu", "Xeon"), ("cuda", "H200")])
def test_the_machine_is_named_by_what_the_run_was_on(
    device: str, processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"cpu": "Xeon", "gpus": ["H200"], "libraries": {"torch": "2.13.0"}}
    monkeypatch.setattr(artifacts, "read_files", lambda *_: {MACHINE: json.dumps(known).encode()})
    params = {"trainer.device": device, "trainer.threads": "2"}
    entry = Entry("1", "", "run", "finished", "", "", datetime.now(UTC), 1.0, {}, params, {})
    assert _machine(Mock(), entry) == f"{processor}, torch 2.13.0, 2 threads"
