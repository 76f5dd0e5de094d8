"""Views against arithmetic by hand: what is seen of an image, and what a mean of views comes to."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from ferlab.config.fields import Views
from ferlab.data.imageset import SIZE
from ferlab.errors import DataError
from ferlab.models.classifier import Classifier
from ferlab.models.views import CROP, SHIFT, VIEWS, WHOLE, ImageView

NUMBERED = torch.arange(SIZE * SIZE, dtype=torch.float32).reshape(1, 1, SIZE, SIZE)
"""An image whose pixel (row, column) is 48 row + column."""


class Means(nn.Module):
    """Its logits are twice the mean of the left half of the image, and of the right one."""

    def forward(self, images: Tensor) -> Tensor:
        halves = images.unflatten(3, (2, SIZE // 2)).mean(dim=(1, 2, 4))
        return 2 * halves


def seen(view: ImageView) -> list[list[float]]:
    return view(NUMBERED)[0, 0].tolist()


def test_the_config_names_every_view_and_no_other() -> None:
    assert set(get_args(Views)) == set(VIEWS)


@pytest.mark.parametrize(("name", "count"), [("one", 1), ("flip", 2), ("shifts", 10)])
def test_views_but_those_of_crops_hold_the_image_itself(name: str, count: int) -> None:
    assert len(set(VIEWS[name])) == count
    assert VIEWS[name][0] == WHOLE
    assert WHOLE(NUMBERED) is NUMBERED


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "one"])
def test_every_view_has_its_mirror(name: str) -> None:
    views = VIEWS[name]
    for view, mirrored in zip(views[: len(views) // 2], views[len(views) // 2 :], strict=True):
        assert mirrored == replace(view, is_mirrored=True)
        torch.testing.assert_close(mirrored(NUMBERED), view(NUMBERED).flip(3))


def test_a_shift_moves_the_image_and_draws_out_its_border() -> None:
    down, up, right, left = VIEWS["shifts"][1:5]
    pixel = [[48.0 * row + column for column in range(48)] for row in range(48)]
    assert seen(down) == [*pixel[SHIFT:], *[pixel[47]] * SHIFT]
    assert seen(up) == [*[pixel[0]] * SHIFT, *pixel[:-SHIFT]]
    assert seen(right) == [[*row[SHIFT:], *[row[47]] * SHIFT] for row in pixel]
    assert seen(left) == [[*[row[0]] * SHIFT, *row[:-SHIFT]] for row in pixel]


def test_ten_crops_are_the_corners_the_centre_and_their_mirrors() -> None:
    views = VIEWS["ten_crop"]
    rest = SIZE - CROP
    corners = {(0, 0), (0, rest), (rest, 0), (rest, rest), (rest // 2, rest // 2)}
    assert {(view.top, view.left) for view in views} == corners
    assert len(set(views)) == 10
    assert {view.side for view in views} == {CROP}


def test_zooms_are_about_the_middle_with_mirrors() -> None:
    views = VIEWS["zooms"]
    assert len(set(views)) == 6
    assert sum(view.is_mirrored for view in views) == 3
    assert {(view.top, view.left, view.side) for view in views} == {
        (0, 0, SIZE),
        (2, 2, 44),
        (4, 4, 40),
    }


def test_a_crop_is_enlarged_to_the_image_s_size_about_its_own_middle() -> None:
    """On a plane, linear interpolation is exact but for half a step at the border."""
    view = ImageView(top=4, left=2, side=44)
    row, column = 24, 10
    # Pixel centres: 48 of them over 44 pixels, so one step is 44 / 48 of a pixel.
    at = [(i + 0.5) * 44 / 48 - 0.5 for i in (row, column)]
    expected = 48 * (4 + at[0]) + 2 + at[1]
    assert view(NUMBERED).shape == NUMBERED.shape
    assert seen(view)[row][column] == pytest.approx(expected, rel=1e-6)


def test_logits_over_views_are_the_logarithm_of_the_mean_probability() -> None:
    """Left half 0.2 and right half 0.8, so logits (0.4, 1.6); mirrored, (1.6, 0.4)."""
    images = torch.full((1, SIZE, SIZE), 51, dtype=torch.uint8)
    images[:, :, SIZE // 2 :] = 204
    one, flip = (Classifier(Means(), 0, 1, views) for views in ("one", "flip"))
    torch.testing.assert_close(one(images), torch.tensor([[0.4, 1.6]]))
    torch.testing.assert_close(flip(images), torch.tensor([[0.5, 0.5]]).log())

    images[:, :, : SIZE // 4] = 255  # its left half is 0.6 now on average, whichever way it lies
    a = torch.tensor([1.2, 1.6]).softmax(dim=0)
    b = torch.tensor([1.6, 1.2]).softmax(dim=0)
    torch.testing.assert_close(flip(images).softmax(dim=1), ((a + b) / 2)[None])


def test_one_view_s_logits_are_the_network_s_to_the_last_bit() -> None:
    images = torch.randint(0, 256, (5, SIZE, SIZE), dtype=torch.uint8)
    classifier = Classifier(Means(), 0.5, 0.25)
    assert torch.equal(classifier(images), classifier.score(images[:, None] / 255))


@pytest.mark.parametrize(
    ("name", "passes"), [("one", 1), ("flip", 2), ("zooms", 6), ("ten_crop", 11)]
)
def test_the_image_alone_is_scored_once(name: str, passes: int) -> None:
    images = torch.randint(0, 256, (5, SIZE, SIZE), dtype=torch.uint8)
    network, calls = Means(), []
    network.register_forward_hook(lambda *_: calls.append(1))
    over_views, alone = Classifier(network, 0, 1, name).with_and_without_views(images)
    assert len(calls) == passes
    assert torch.equal(alone, Classifier(Means(), 0, 1)(images))
    assert torch.equal(over_views, Classifier(Means(), 0, 1, name)(images))


def test_views_that_do_not_exist_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"no views 'two'; there are one, flip, shifts, zooms, ten_crop"
    ):
        Classifier(Means(), 0, 1, "two")
