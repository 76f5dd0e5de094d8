"""From a face to an image of 48x48 pixels, by arithmetic."""

import math

import numpy as np
import pytest
from PIL import Image

from ferlab.use import crop
from ferlab.use.crop import Square, cut, square_of
from ferlab.use.face import Face, Photo, WholePhoto


def gradient(height: int, width: int) -> Photo:
    """Each pixel as grey as its column and row say: 3 a column, 1 a row."""
    levels = 3 * np.arange(width)[None, :] + np.arange(height)[:, None]
    return np.repeat(levels[:, :, None].astype(np.uint8), 3, axis=2)


def test_a_photo_of_the_size_of_an_image_is_the_image() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (48, 48, 1), np.uint8)
    photo = np.repeat(levels, 3, axis=2)
    (face,) = WholePhoto().find(photo)
    assert np.array_equal(cut(photo, square_of(face)), levels[:, :, 0])


def test_of_a_whole_photo_the_central_square_is_the_face() -> None:
    (face,) = WholePhoto().find(np.zeros((100, 260, 3), np.uint8))
    assert face.box == (80, 0, 180, 100)
    assert square_of(face) == Square(130, 50, 100, 0)


def test_a_square_is_cut_where_it_lies() -> None:
    image = cut(gradient(80, 80), Square(x=34, y=44, side=48, degrees=0))
    assert image[0, 0] == 3 * 10 + 20
    assert image[47, 47] == 3 * 57 + 67
    assert image[0, 47] == 3 * 57 + 20


@pytest.mark.parametrize(("degrees", "steps"), [(90, (1, -3)), (180, (-3, -1)), (-90, (-1, 3))])
def test_a_turned_square_is_turned_back(degrees: float, steps: tuple[int, int]) -> None:
    """Turned by 90 degrees with the clock, its right is the photo's down, and its down its left."""
    image = cut(gradient(60, 60), Square(30, 30, 48, degrees)).astype(int)
    across, down = np.diff(image, axis=1), np.diff(image, axis=0)
    assert (across == steps[0]).all()
    assert (down == steps[1]).all()


def test_no_pixel_of_a_large_square_is_skipped() -> None:
    """One bright pixel in 8x8 makes an image's pixel a 64th brighter, wherever in them it is."""
    photo = np.zeros((384, 384, 3), np.uint8)
    photo[3::8, 5::8] = 255
    image = cut(photo, Square(192, 192, 384, 0))
    assert image[2:-2, 2:-2].min() >= 3
    assert image[2:-2, 2:-2].max() <= 5


def test_beyond_the_photo_its_edge_goes_on() -> None:
    photo = np.full((48, 48, 3), 100, np.uint8)
    photo[:, -1] = 200
    image = cut(photo, Square(x=48, y=24, side=48, degrees=0))
    assert (image[:, :22] == 100).all()
    assert (image[:, 25:] == 200).all()


def test_the_corners_of_a_square_go_round_it() -> None:
    root = math.sqrt(0.5)
    corners = Square(x=1, y=2, side=1, degrees=45).corners()
    expected = [(1, 2 - root), (1 + root, 2), (1, 2 + root), (1 - root, 2)]
    assert np.allclose(corners, expected)


def test_colours_weigh_as_they_are_seen() -> None:
    photo = np.asarray(Image.new("RGB", (48, 48), (255, 0, 0)))
    assert (cut(photo, Square(24, 24, 48, 0)) == 76).all()  # 0.299 of red, by ITU-R 601


def tilted(degrees: float) -> Square:
    """Of a face with a box of 80x125 around (200, 300), whose eyes are tilted with the clock."""
    turn = math.radians(degrees)
    eyes = np.array([[200.0, 280], [200 + 30 * math.cos(turn), 280 + 30 * math.sin(turn)]])
    return square_of(Face((160, 237.5, 240, 362.5), 1.0, eyes))


def test_around_a_face_is_the_margin_that_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The geometric mean of 80 and 125 is 100."""
    monkeypatch.setattr(crop, "_SIDE", 1.2)
    monkeypatch.setattr(crop, "_LOWER", 0.1)
    assert tilted(0) == pytest.approx((200, 312, 120, 0))
    assert tilted(100) == pytest.approx((188, 300, 120, 90))  # its own down is the photo's left


@pytest.mark.parametrize(("tilt", "turned"), [(0, 0), (9, 0), (-9, 0), (30, 20), (-25, -15)])
def test_a_face_is_turned_back_as_far_as_it_is_tilted_too_much(tilt: int, turned: int) -> None:
    assert tilted(tilt).degrees == pytest.approx(turned)
