"""Grey levels from outside: which numbers are taken, and in which words others are refused."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ferlab.data.grey import grey_images
from ferlab.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
IMAGES[0, 0, :2] = 0, 255


def of_json(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.array(values.tolist(), dtype=object)


@pytest.mark.parametrize("kind", ["uint8", "int16", "int64", "float16", "float32", "float64", "O"])
def test_whole_numbers_of_any_type_are_grey_levels(kind: str) -> None:
    taken = grey_images(IMAGES.astype(kind))
    assert taken.dtype == np.uint8
    assert np.array_equal(taken, IMAGES)


def test_black_images_are_some() -> None:
    assert not grey_images(np.zeros((2, 48, 48))).any()


@pytest.mark.parametrize("read", [np.asarray, of_json], ids=["array", "JSON"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (IMAGES / 255, "all their values lie in 0-1; send the grey levels as they are"),
        (IMAGES // 255, "all their values lie in 0-1; send the grey levels as they are"),
        (IMAGES / 127.5 - 1, r"\d is none"),
        (IMAGES + 0.5, r"and \d+\.5 is none"),
        (np.where(IMAGES == 255, 256, IMAGES.astype(int)), "and 256 is none"),
        (np.where(IMAGES == 0, -1, IMAGES.astype(int)), "and -1 is none"),
        (np.where(IMAGES == 0, np.nan, IMAGES), "and nan is none"),
        (np.where(IMAGES == 0, np.inf, IMAGES), "and inf is none"),
        (IMAGES > 100, "a value of type bool among them"),
        (IMAGES.astype(str), "a value of type str_? among them"),
        (IMAGES[:, :40], r"not \(3, 40, 48\)$"),
        (IMAGES[0], r"not \(48, 48\); one image alone is a list of one$"),
        (IMAGES[..., None], r"not \(3, 48, 48, 1\)$"),
        (IMAGES[:0], r"not \(0,"),
    ],
)
def test_others_are_refused(values: npt.NDArray[Any], words: str, read: Any) -> None:
    with pytest.raises(DataError, match=f"^the images must be whole grey levels 0-255.*{words}"):
        grey_images(read(values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([IMAGES[0].tolist(), [1, 2]], "a list of another length"),
        (None, "a value of type NoneType"),
        ([[[10**400] * 48] * 48], "inf is none"),
        ({"a": 1}, "a value of type dict"),
    ],
    ids=["ragged", "nothing", "endless", "mapping"],
)
def test_what_only_json_can_hold_is_refused(values: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        grey_images(np.array(values, dtype=object))
