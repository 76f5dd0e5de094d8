"""A user's own data is refused at once, in a line, where a run could not use it later."""

from typing import Any

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric

from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from ferlab.errors import DataError


def make(split: Any = (0, 1), classes: Any = EXPRESSIONS) -> ImageSet:
    images = np.zeros((2, 48, 48), np.uint8)
    return ImageSet.of(images, np.zeros(2), split, ["a", "b"], classes)


@pytest.mark.parametrize("name", ["happy", "très 2-b_c.d: e/f", "-", "...", "x" * 200])
def test_a_class_may_have_any_name_that_a_metric_may_have(name: str) -> None:
    _validate_metric(f"val/f1/{name}", 0.5, 0, 1)
    assert make(classes=("sad", name)).classes == ("sad", name)


@pytest.mark.parametrize(
    "name",
    ["happy & sad", "a,b", "a\nb", "", ".", "..", "/happy", "happy/", "a//b", "a/../b"],
)
def test_a_class_name_that_no_metric_can_have_is_refused(name: str) -> None:
    with pytest.raises(MlflowException):
        _validate_metric(f"val/f1/{name}", 0.5, 0, 1)
    with pytest.raises(DataError) as caught:
        make(classes=("sad", name))
    assert str(caught.value) == (
        f"the class name {name!r} cannot be part of a metric's name; "
        "take up to 200 letters, digits, spaces and _ - . : (and / in between)"
    )


def test_no_class_stands_twice() -> None:
    with pytest.raises(DataError, match="a class stands twice among sad, happy, sad"):
        make(classes=("sad", "happy", "sad"))


@pytest.mark.parametrize("name", ["happy\n", "x" * 201, 1], ids=["newline", "length", "number"])
def test_a_class_name_that_is_no_short_line_is_refused(name: Any) -> None:
    with pytest.raises(DataError, match=r"^the class name .* cannot be part of a metric's name"):
        make(classes=("sad", name))


@pytest.mark.parametrize(
    ("split", "odd"),
    [
        ([0, 9], "9"),
        (np.array([-1, 0]), "-1"),
        (np.array([0, 256]), "256"),
        (np.array([0.0, 0.5]), "0.5"),
        (["train", "val"], "'train'"),
        (["0", "1"], "'0'"),
        ([[0], [1]], "[0]"),
    ],
    ids=str,
)
def test_a_split_that_is_none_is_refused_with_those_there_are(split: Any, odd: str) -> None:
    with pytest.raises(DataError) as caught:
        make(split=split)
    assert str(caught.value) == (
        f"each image's split must be 0 (train), 1 (val), 2 (test) or 3 (unused), not {odd}"
    )


def test_a_split_may_be_given_in_any_type_of_number() -> None:
    for split in ([Split.TRAIN, Split.UNUSED], np.array([0.0, 3.0]), np.array([0, 3], np.int64)):
        assert make(split=split).split.tolist() == [0, 3]
        assert make(split=split).split.dtype == np.uint8
