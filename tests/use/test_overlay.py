"""A map over a picture: where its pixels are, and no more."""

import numpy as np
import pytest

from ferlab.use.crop import Square, cut
from ferlab.use.explain.overlay import over_face, over_photo


@pytest.mark.parametrize("square", [Square(60, 70, 96, 0), Square(150, 100, 120, 30)])
def test_a_map_lies_where_its_pixels_are_in_the_photo(square: Square) -> None:
    """Cut out again, the photo is changed where the map is not 0, and nowhere else."""
    photo = np.full((200, 240, 3), 220, np.uint8)
    counted = np.zeros((48, 48))
    counted[8:20, 28:44] = 1
    seen = over_photo(photo, square, counted)
    assert (photo == 220).all()
    changed = cut(seen, square).astype(int) < 200
    assert changed[10:18, 30:42].all()
    changed[3:25, 23:48] = False  # the map is blurred
    assert not changed.any()


def test_a_square_may_reach_beyond_the_photo() -> None:
    photo = np.full((50, 50, 3), 220, np.uint8)
    everywhere = np.ones((48, 48))
    assert (over_photo(photo, Square(50, 50, 60, 45), everywhere)[:10, :10] == 220).all()
    assert (over_photo(photo, Square(50, 50, 60, 45), everywhere)[45, 45] != 220).any()
    assert (over_photo(photo, Square(500, 50, 60, 0), everywhere) == 220).all()


def test_where_nothing_counts_a_face_stays_as_it_is() -> None:
    image = np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8)
    assert (over_face(image, np.zeros((48, 48))) == image[:, :, None]).all()
    one = np.zeros((48, 48))
    one[14, 25] = 1
    changed = np.abs(over_face(np.full((48, 48), 220, np.uint8), one).astype(int) - 220).sum(axis=2)
    assert changed[14, 25] == changed.max() > 0
    changed[9:20, 20:31] = 0
    assert not changed.any()
